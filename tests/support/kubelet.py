"""Plays the machines of a cluster: each pod is a process here, reported as kubelet does.

Beside it, what the scheduler and the collector of Kubernetes do for a training job: pods
get a machine, and what belongs to a job that is being deleted goes first.
"""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import time
from typing import Any

from played_machines import TFJOBS, PlayedMachines, Program

from tfx_estimators.estimator.distribution.ports import reserve_ports

_FOREGROUND = "foregroundDeletion"
_SECONDS_TO_SAVE = 30.0


class Kubelet(PlayedMachines):
    """The machines' part of `PlayedMachines`.

    Attributes:
        full: whether no machine has room for further pods.
    """

    def __init__(
        self, api: Any, namespace: str, folder: pathlib.Path, program: Program | None = None
    ) -> None:
        super().__init__(api, namespace, folder, program)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._addresses: dict[str, str] = {}
        self._asked: dict[str, float] = {}
        self.full = False

    def _look_at_all(self) -> None:
        for pod in self._core.list_namespaced_pod(self._namespace).items:
            self._look_after(pod)
        self._collect()

    def _leave(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _look_after(self, pod: Any) -> None:
        name, phase = pod.metadata.name, pod.status.phase
        uid = pod.metadata.uid
        process = self._processes.get(uid)
        if pod.metadata.deletion_timestamp is not None:
            self._end(pod, process)
        elif phase in ("Succeeded", "Failed"):
            return
        elif process is None:
            if self.full:
                self._tell(name, {"phase": "Pending", "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                     "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."}
                ]})  # fmt: skip
            else:
                self._start(pod)
        elif name in self.evict:
            self.evict.discard(name)
            process.kill()
            process.wait()
            self._report(name, "Failed", 137, reason="Evicted")
        elif (code := process.poll()) is not None:
            self._report(name, "Failed" if code else "Succeeded", code)

    def _start(self, pod: Any) -> None:
        name, labels = pod.metadata.name, pod.metadata.labels
        binding = {"metadata": {"name": name}, "target": {"kind": "Node", "name": "here"}}
        if pod.spec.node_name is None:
            self._core.create_namespaced_binding(self._namespace, binding, _preload_content=False)
        (container,) = (c for c in pod.spec.containers if c.name == "tensorflow")
        variables = {one.name: one.value for one in container.env or () if one.value is not None}
        if "TF_CONFIG" in variables:
            variables["TF_CONFIG"] = self._resolved(variables["TF_CONFIG"])
        kind = labels["training.kubeflow.org/replica-type"].lower()
        index = int(labels["training.kubeflow.org/replica-index"])
        self._processes[pod.metadata.uid] = self._start_process(
            name, kind, index, container.command, variables
        )
        self._tell(name, {"phase": "Running"})

    def _resolved(self, tf_config: str) -> str:
        """With addresses of this machine for the names of the job's services."""
        read = json.loads(tf_config)
        for addresses in read["cluster"].values():
            for number, address in enumerate(addresses):
                if address not in self._addresses:
                    self._addresses[address] = f"127.0.0.1:{reserve_ports(1)[0]}"
                addresses[number] = self._addresses[address]
        return json.dumps(read)

    def _end(self, pod: Any, process: subprocess.Popen[bytes] | None) -> None:
        uid = pod.metadata.uid
        if process is not None and process.poll() is None:
            if uid not in self._asked:
                self._asked[uid] = time.monotonic()
                process.send_signal(signal.SIGTERM)
            elif time.monotonic() - self._asked[uid] > _SECONDS_TO_SAVE:
                process.kill()
            return
        self._core.delete_namespaced_pod(pod.metadata.name, self._namespace, grace_period_seconds=0)

    def _collect(self) -> None:
        """Deletion in the foreground, as the collector of Kubernetes does it."""
        found = self._objects.list_namespaced_custom_object(**TFJOBS, namespace=self._namespace)
        for job in found["items"]:
            meta = job["metadata"]
            if not meta.get("deletionTimestamp") or _FOREGROUND not in meta.get("finalizers", ()):
                continue
            pods = self._core.list_namespaced_pod(self._namespace).items
            services = self._core.list_namespaced_service(self._namespace).items
            for one in (own := [pod for pod in pods if _belongs(pod, meta)]):
                if one.metadata.deletion_timestamp is None:
                    self._core.delete_namespaced_pod(one.metadata.name, self._namespace)
            for one in services:
                if _belongs(one, meta):
                    self._core.delete_namespaced_service(one.metadata.name, self._namespace)
            if not own:
                meta["finalizers"] = [name for name in meta["finalizers"] if name != _FOREGROUND]
                self._objects.replace_namespaced_custom_object(
                    **TFJOBS, namespace=self._namespace, name=meta["name"], body=job
                )


def _belongs(thing: Any, owner: dict[str, Any]) -> bool:
    return any(one.uid == owner["uid"] for one in thing.metadata.owner_references or ())
