"""A step that is cancelled: its process gets SIGTERM while the job runs."""

from __future__ import annotations

import os
import pathlib
import signal
import types
from typing import Any

import pytest
from kubernetes_server import KubernetesServer
from training_operator import TrainingOperator

from tfx_estimators.components.trainer.checkpoints.training import Start
from tfx_estimators.components.trainer.processes import launch as distributed
from tfx_estimators.errors import TrainingInterruptedError
from tfx_estimators.estimator.distribution import MultiWorker
from tfx_estimators.estimator.distribution.processes import tasks_of
from tfx_estimators.kubeflow.jobs.cluster import ClusterJobs
from tfx_estimators.kubeflow.jobs.starter import JobStarter, job_name


def test_sigterm_takes_the_job_along(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    policy = MultiWorker(2)
    store = types.SimpleNamespace(
        folder=str(tmp_path / "checkpoints" / "feed"),
        fingerprint="c" * 64,
        start=Start(),
        to_json=lambda: "{}",
        check=lambda: None,
    )
    job: Any = types.SimpleNamespace(
        distribution=policy, training=store, train_steps=10, inputs={}, outputs={}, properties={}
    )
    handler = signal.getsignal(signal.SIGTERM)
    with KubernetesServer() as server:
        jobs = ClusterJobs(server.api(), "default")

        def program(kind: str, index: int, command: list[str]) -> list[str]:
            return ["python", "-c", "import time; time.sleep(600)"]

        class Cancelled(JobStarter):
            def run_members(self, *arguments: Any) -> None:
                *rest, watch = arguments

                def cancelling(status: Any, running: int, of: int) -> None:
                    if running == of:
                        os.kill(os.getpid(), signal.SIGTERM)
                    watch(status, running, of)

                super().run_members(*rest, cancelling)

        monkeypatch.setattr(distributed, "_own_tasks", lambda job: tasks_of(policy))
        monkeypatch.setattr(distributed, "find_starter", lambda: Cancelled(lambda: jobs, 0.1))
        with TrainingOperator(server.api(), "default", tmp_path, program, server.logs):
            with pytest.raises(TrainingInterruptedError, match="stopped by SIGTERM in its job"):
                distributed.train_in_processes(job)
            assert jobs.state(job_name(job)) is None
    assert signal.getsignal(signal.SIGTERM) == handler
    assert (tmp_path / "checkpoints" / "feed" / "logs" / "worker-1.log").exists()
