"""`EstimatorTrainer` whose processes are pods: started by the step, run by a job.

The API server and the operator are stand-ins, see `kubernetes_server` and
`training_operator`; the pods' commands are real processes that really train together.
"""

from __future__ import annotations

import json
import pathlib
import types
from typing import Any

import pytest
from kubernetes_server import KubernetesServer
from training_operator import TrainingOperator

from tfx_estimators.components.trainer import elsewhere
from tfx_estimators.estimator.distribution import MultiWorker
from tfx_estimators.kubeflow.jobs.cluster import ClusterJobs
from tfx_estimators.kubeflow.jobs.pods import POD_SETTINGS
from tfx_estimators.kubeflow.jobs.starter import JobStarter

pytestmark = pytest.mark.slow


@pytest.mark.stacks
def test_two_pods_train_one_model(
    train: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with KubernetesServer() as server:
        starter = JobStarter(lambda: ClusterJobs(server.api(), "default"), seconds=0.2)
        module = types.ModuleType("a_starter")
        module.STARTER = starter  # type: ignore[attr-defined]
        monkeypatch.setitem(__import__("sys").modules, "a_starter", module)
        monkeypatch.setenv(elsewhere.ENVIRONMENT, "a_starter:STARTER")
        settings = {"pod": {}, "container": {"image": "taxi:1", "env": [
            {"name": "COLOUR", "value": "blue"}]}}  # fmt: skip
        monkeypatch.setenv(POD_SETTINGS, json.dumps(settings))
        pods = tmp_path / "pods"
        pods.mkdir()
        with TrainingOperator(server.api(), "default", pods, logs=server.logs):
            model = train(
                distribution=MultiWorker(2), steps=6,
                custom_config={"seed": 3, "batch_size": 16},
            )  # fmt: skip
        assert not server.objects
    assert model.global_step() == 6
    assert (model.serving / "saved_model.pb").exists()
    assert "started the training job train-" in capsys.readouterr().err
    logs = {path.name for path in (model.model_run / "logs").iterdir()}
    assert {"worker-0.log", "worker-1.log"} <= logs
