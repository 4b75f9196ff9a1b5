"""Plays the training operator and the machines of a cluster: TFJobs become processes here.

What cannot run here is the operator itself and a kubelet. This one makes a pod for each
replica with the operator's labels, runs the pod's command with TF_CONFIG as the operator
writes it (the evaluator among the cluster's members), and reports as kubelet does.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from tfx_estimators.estimator.distribution.ports import reserve_ports

Program = Callable[[str, int, list[str]], list[str]]
_WHERE = {"group": "kubeflow.org", "version": "v1", "plural": "tfjobs"}


class TrainingOperator:
    """Runs until it is left.

    Args:
        api: an ApiClient.
        namespace: that it looks after.
        folder: for logs.
        program: the command of a replica by type, number and the pod's own command; by
            default the pod's own.
        logs: takes each pod's log file, for a server that can show it.
    """

    def __init__(
        self,
        api: Any,
        namespace: str,
        folder: pathlib.Path,
        program: Program | None = None,
        logs: dict[str, pathlib.Path] | None = None,
    ) -> None:
        from kubernetes import client

        self._objects, self._core = client.CustomObjectsApi(api), client.CoreV1Api(api)
        self._namespace, self._folder, self._logs = namespace, folder, {} if logs is None else logs
        self._program = program or (lambda kind, index, command: command)
        self._processes: dict[str, dict[str, subprocess.Popen[bytes]]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self.evict: set[str] = set()
        self.problem: BaseException | None = None

    def __enter__(self) -> TrainingOperator:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()
        for name in list(self._processes):
            self._end(name)
        assert self.problem is None, self.problem

    def processes(self, job: str) -> dict[str, subprocess.Popen[bytes]]:
        """A job's processes by pod."""
        return self._processes.get(job, {})

    def _loop(self) -> None:
        from kubernetes import client

        try:
            while not self._ended.wait(0.1):
                found = self._objects.list_namespaced_custom_object(
                    **_WHERE, namespace=self._namespace
                )
                for job in found["items"]:
                    try:
                        self._look_after(job)
                    except client.exceptions.ApiException as error:
                        # Changed or removed since it was read: it is looked at again.
                        if error.status not in (404, 409):
                            raise
        except BaseException as error:
            self.problem = error

    def _look_after(self, job: dict[str, Any]) -> None:
        name = job["metadata"]["name"]
        if job["metadata"].get("deletionTimestamp"):
            self._end(name)
            for pod in self._pods(name):
                self._core.delete_namespaced_pod(
                    pod.metadata.name, self._namespace, grace_period_seconds=0
                )
            job["metadata"]["finalizers"] = []
            self._objects.replace_namespaced_custom_object(
                **_WHERE, namespace=self._namespace, name=name, body=job
            )
            return
        if name not in self._processes:
            self._start(job)
            self._condition(name, "Running", "TFJobRunning", "")
            return
        states = {pod: process.poll() for pod, process in self._processes[name].items()}
        for pod, code in states.items():
            if pod in self.evict:
                self.evict.discard(pod)
                self._processes[name][pod].kill()
                self._report(pod, "Failed", 137, reason="Evicted")
            elif code is not None:
                self._report(pod, "Succeeded" if code == 0 else "Failed", code)
        if any(code for code in states.values()):
            self._condition(name, "Failed", "TFJobFailed", f"TFJob {name} has failed")

    def _start(self, job: dict[str, Any]) -> None:
        name, specs = job["metadata"]["name"], job["spec"]["tfReplicaSpecs"]
        counts = {kind.lower(): spec["replicas"] for kind, spec in specs.items()}
        ports = iter(reserve_ports(sum(counts.values())))
        cluster = {
            kind: [f"127.0.0.1:{next(ports)}" for _ in range(count)]
            for kind, count in counts.items()
        }
        self._processes[name] = {}
        for kind, spec in specs.items():
            for index in range(spec["replicas"]):
                task = {"type": kind.lower(), "index": index}
                config = {"cluster": cluster, "task": task, "environment": "cloud"}
                self._run(job, kind.lower(), index, spec["template"], json.dumps(config))

    def _run(
        self, job: dict[str, Any], kind: str, index: int, template: Any, tf_config: str
    ) -> None:
        name = job["metadata"]["name"]
        pod = f"{name}-{kind}-{index}"
        labels = {
            **(template["metadata"].get("labels") or {}),
            "training.kubeflow.org/job-name": name,
            "training.kubeflow.org/replica-type": kind,
            "training.kubeflow.org/replica-index": str(index),
        }
        self._core.create_namespaced_pod(
            self._namespace, {"metadata": {"name": pod, "labels": labels}, "spec": template["spec"]}
        )
        (container,) = (c for c in template["spec"]["containers"] if c["name"] == "tensorflow")
        command = self._program(kind, index, list(container["command"]))
        if command[0] == "python":
            command[0] = sys.executable
        variables = {v["name"]: v["value"] for v in container.get("env", ()) if "value" in v}
        if sum(len(at) for at in json.loads(tf_config)["cluster"].values()) > 1:
            variables["TF_CONFIG"] = tf_config
        log = self._folder / f"{pod}.log"
        with log.open("wb") as output:
            self._processes[name][pod] = subprocess.Popen(
                command,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._logs[pod] = log
        self._core.patch_namespaced_pod_status(
            pod, self._namespace, {"status": {"phase": "Running"}}
        )

    def _report(self, pod: str, phase: str, code: int, reason: str = "") -> None:
        there = self._core.read_namespaced_pod(pod, self._namespace)
        if there.status is not None and there.status.phase == phase:
            return
        ended = {"exitCode": abs(code), "reason": "Error" if code else "Completed"}
        status: dict[str, Any] = {
            "phase": phase,
            "containerStatuses": [
                {"name": "tensorflow", "image": "", "imageID": "", "ready": False,
                 "restartCount": 0, "state": {"terminated": ended}}
            ],
        }  # fmt: skip
        if reason:
            status["reason"] = reason
        self._core.patch_namespaced_pod_status(pod, self._namespace, {"status": status})

    def _condition(self, name: str, kind: str, reason: str, message: str) -> None:
        job = self._objects.get_namespaced_custom_object(
            **_WHERE, namespace=self._namespace, name=name
        )
        conditions = (job.get("status") or {}).get("conditions") or []
        if any(one["type"] == kind for one in conditions):
            return
        conditions.append({"type": kind, "status": "True", "reason": reason, "message": message})
        job["status"] = {"conditions": conditions, "replicaStatuses": {}}
        self._objects.replace_namespaced_custom_object_status(
            **_WHERE, namespace=self._namespace, name=name, body=job
        )

    def _pods(self, name: str) -> list[Any]:
        selector = f"training.kubeflow.org/job-name={name}"
        found = self._core.list_namespaced_pod(self._namespace, label_selector=selector)
        return list(found.items)

    def _end(self, name: str) -> None:
        processes = self._processes.pop(name, {}).values()
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
