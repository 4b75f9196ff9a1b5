"""What the players of a cluster share: they watch it in a thread and run pods as processes."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from cluster_player import ClusterPlayer

Program = Callable[[str, int, list[str]], list[str]]
TFJOBS = {"group": "kubeflow.org", "version": "v1", "plural": "tfjobs"}


class PlayedMachines(ClusterPlayer):
    """Runs until it is left.

    Args:
        api: an ApiClient with all rights.
        namespace: that it looks after.
        folder: for the pods' logs.
        program: the command of a replica by type, number and the pod's own command; by
            default the pod's own.

    Attributes:
        evict: names of pods to take the machine from.
    """

    def __init__(
        self, api: Any, namespace: str, folder: pathlib.Path, program: Program | None = None
    ) -> None:
        from kubernetes import client

        super().__init__(seconds_between_looks=0.1)
        self._objects, self._core = client.CustomObjectsApi(api), client.CoreV1Api(api)
        self._namespace, self._folder = namespace, folder
        self._program = program or (lambda kind, index, command: command)
        self.evict: set[str] = set()

    def _look(self) -> None:
        self._again_after_a_conflict(self._look_at_all)

    def _look_at_all(self) -> None:
        """Looks after everything in the namespace, once."""
        raise NotImplementedError

    def _start_process(
        self,
        pod: str,
        kind: str,
        index: int,
        command: list[str],
        variables: Mapping[str, str],
    ) -> subprocess.Popen[bytes]:
        """Starts a pod's container as a process, with its log in the folder."""
        command = self._program(kind, index, list(command))
        if command[0] == "python":
            command[0] = sys.executable
        with (self._folder / f"{pod}.log").open("wb") as output:
            return subprocess.Popen(
                command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output,
            )  # fmt: skip

    def _report(self, pod: str, phase: str, code: int, reason: str = "") -> None:
        """Says how a pod's container has ended."""
        ended = {"exitCode": abs(code), "reason": "Error" if code else "Completed"}
        status: dict[str, Any] = {
            "phase": phase,
            "containerStatuses": [
                {"name": "tensorflow", "image": "", "imageID": "", "ready": False,
                 "restartCount": 0, "state": {"terminated": ended}}
            ],
        }  # fmt: skip
        self._tell(pod, {**status, "reason": reason} if reason else status)

    def _tell(self, pod: str, status: dict[str, Any]) -> None:
        self._core.patch_namespaced_pod_status(pod, self._namespace, {"status": status})
