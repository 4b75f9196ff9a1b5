"""What the players of a cluster share: they watch it in a thread and run pods as processes."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from typing_extensions import Self

Program = Callable[[str, int, list[str]], list[str]]
TFJOBS = {"group": "kubeflow.org", "version": "v1", "plural": "tfjobs"}


class PlayedMachines:
    """Runs until it is left.

    Args:
        api: an ApiClient with all rights.
        namespace: that it looks after.
        folder: for the pods' logs.
        program: the command of a replica by type, number and the pod's own command; by
            default the pod's own.

    Attributes:
        evict: names of pods to take the machine from.
        problem: what ended it early.
    """

    def __init__(
        self, api: Any, namespace: str, folder: pathlib.Path, program: Program | None = None
    ) -> None:
        from kubernetes import client

        self._objects, self._core = client.CustomObjectsApi(api), client.CoreV1Api(api)
        self._namespace, self._folder = namespace, folder
        self._program = program or (lambda kind, index, command: command)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self.evict: set[str] = set()
        self.problem: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()
        self._end_all()
        assert self.problem is None, self.problem

    def _look(self) -> None:
        """Looks after everything in the namespace, once."""
        raise NotImplementedError

    def _end_all(self) -> None:
        """Ends the processes that still run."""
        raise NotImplementedError

    def _loop(self) -> None:
        try:
            while not self._ended.wait(0.1):
                self._again_after_a_conflict(self._look)
        except BaseException as error:
            self.problem = error

    def _again_after_a_conflict(self, look: Callable[[], None]) -> None:
        from kubernetes import client

        try:
            look()
        except client.exceptions.ApiException as error:
            # Changed or removed since it was read: it is looked at again.
            if error.status not in (404, 409):
                raise

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
