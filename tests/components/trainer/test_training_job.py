"""`EstimatorTrainer` whose processes are pods: started by the step, run by a job.

The API server and the operator are stand-ins on every stack (`kubernetes_server` and
`training_operator`) and the real ones on one; the pods' commands are real processes that
really train together.
"""

from __future__ import annotations

import json
import pathlib
import types
from collections.abc import Iterator
from typing import Any

import crds
import pytest
from kube_apiserver import KubeApiserver
from kubelet import Kubelet
from kubernetes_server import KubernetesServer
from real_training_operator import RealTrainingOperator
from training_operator import TrainingOperator

from tfx_estimators.environment_variables import POD_SETTINGS, STARTER
from tfx_estimators.estimator.distribution import MultiWorker
from tfx_estimators.kubeflow.jobs.cluster import ClusterJobs
from tfx_estimators.kubeflow.jobs.starter import JobStarter

pytestmark = pytest.mark.slow


@pytest.fixture(params=[pytest.param("stand-in", marks=pytest.mark.stacks), "real"])
def cluster(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Any]:
    """A connection to a cluster that has the training operator."""
    pods = tmp_path / "pods"
    pods.mkdir()
    if request.param == "stand-in":
        with KubernetesServer() as server:
            with TrainingOperator(server.api(), "default", pods, logs=server.logs):
                yield server.api()
            assert not server.objects
        return
    with KubeApiserver(tmp_path) as real:
        crds.install(real.api(), crds.tfjobs())
        with RealTrainingOperator(real, tmp_path), Kubelet(real.api(), "default", pods):
            yield real.api()


def test_two_pods_train_one_model(
    train: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    starter = JobStarter(lambda: ClusterJobs(cluster, "default"), seconds=0.2)
    module = types.ModuleType("a_starter")
    module.STARTER = starter  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "a_starter", module)
    monkeypatch.setenv(STARTER, "a_starter:STARTER")
    settings = {
        "pod": {},
        "container": {"image": "taxi:1", "env": [{"name": "COLOUR", "value": "blue"}]},
    }
    monkeypatch.setenv(POD_SETTINGS, json.dumps(settings))
    model = train(distribution=MultiWorker(2), steps=6, custom_config={"seed": 3, "batch_size": 16})
    assert model.global_step() == 6
    assert (model.serving / "saved_model.pb").exists()
    assert "started the training job train-" in capsys.readouterr().err
    logs = {path.name for path in (model.model_run / "logs").iterdir()}
    assert {"worker-0.log", "worker-1.log"} <= logs
