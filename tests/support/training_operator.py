"""Plays the training operator and the machines of a cluster: TFJobs become processes here.

What cannot run here is the operator itself and a kubelet. This one makes a pod for each
replica with the operator's labels, runs the pod's command with TF_CONFIG as the operator
writes it (the evaluator among the cluster's members), and reports as kubelet does.
"""

from __future__ import annotations

import functools
import json
import pathlib
import signal
import subprocess
from typing import Any

from played_machines import TFJOBS, PlayedMachines, Program

from tfx_estimators.estimator.distribution.ports import reserve_ports


class TrainingOperator(PlayedMachines):
    """The operator's and the machines' part of `PlayedMachines`.

    Args:
        api: as `PlayedMachines` takes it.
        namespace: likewise.
        folder: likewise.
        program: likewise.
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
        super().__init__(api, namespace, folder, program)
        self._logs = {} if logs is None else logs
        self._processes: dict[str, dict[str, subprocess.Popen[bytes]]] = {}

    def processes(self, job: str) -> dict[str, subprocess.Popen[bytes]]:
        """A job's processes by pod."""
        return self._processes.get(job, {})

    def _look_at_all(self) -> None:
        found = self._objects.list_namespaced_custom_object(**TFJOBS, namespace=self._namespace)
        for job in found["items"]:
            self._again_after_a_conflict(functools.partial(self._look_after, job))

    def _leave(self) -> None:
        for name in list(self._processes):
            self._end(name)

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
                **TFJOBS, namespace=self._namespace, name=name, body=job
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
        variables = {v["name"]: v["value"] for v in container.get("env", ()) if "value" in v}
        if sum(len(at) for at in json.loads(tf_config)["cluster"].values()) > 1:
            variables["TF_CONFIG"] = tf_config
        self._processes[name][pod] = self._start_process(
            pod, kind, index, container["command"], variables
        )
        self._logs[pod] = self._folder / f"{pod}.log"
        self._tell(pod, {"phase": "Running"})

    def _report(self, pod: str, phase: str, code: int, reason: str = "") -> None:
        there = self._core.read_namespaced_pod(pod, self._namespace)
        if there.status is None or there.status.phase != phase:
            super()._report(pod, phase, code, reason)

    def _condition(self, name: str, kind: str, reason: str, message: str) -> None:
        job = self._objects.get_namespaced_custom_object(
            **TFJOBS, namespace=self._namespace, name=name
        )
        conditions = (job.get("status") or {}).get("conditions") or []
        if any(one["type"] == kind for one in conditions):
            return
        conditions.append({"type": kind, "status": "True", "reason": reason, "message": message})
        job["status"] = {"conditions": conditions, "replicaStatuses": {}}
        self._objects.replace_namespaced_custom_object_status(
            **TFJOBS, namespace=self._namespace, name=name, body=job
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
