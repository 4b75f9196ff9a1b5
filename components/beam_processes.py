"""Beam's worker processes on this machine: none outlives the run, no run waits for a dead one.

Beam's direct runner gives a bundle to a worker process and waits for the answer. It does not
notice that the process was killed, as it is where memory runs out, and waits for ever. The
process in turn works on for as long as the bundle takes when its parent was killed.

Private names of Beam: `SubprocessSdkWorkerHandler.start_worker`, its `worker_thread`,
`control_conn` and `_worker_command_line`, and `ControlConnection._futures_by_id`, seen on Beam
2.64 and 2.77.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any

from tfx_estimators.environment_variables import PARENT
from tfx_estimators.errors import PipelineError

__all__ = ["watch_workers"]

_FLAG = "multi_processing"
_START = b"exec env "
_watched = False


def watch_workers(flags: Iterable[Any]) -> None:
    """Has Beam's worker processes that are started from now on end with this process, and
    what waits for one that has ended fail.

    The process ends by itself if it has the plugin among its flags; see `beam_flags`.

    Args:
        flags: of a Beam pipeline. Without worker processes among them nothing is done.
    """
    global _watched
    if _watched or not any(isinstance(flag, str) and _FLAG in flag for flag in flags):
        return
    _watched = True
    from apache_beam.runners.portability.fn_api_runner import worker_handlers

    handler = worker_handlers.SubprocessSdkWorkerHandler
    start = handler.start_worker

    def start_worker(self: Any) -> None:
        # Beam gives the command to a shell, which is to be no process between the two.
        if not self._worker_command_line.startswith(_START):
            parent = f"{PARENT}={os.getpid()} ".encode()
            self._worker_command_line = _START + parent + self._worker_command_line
        start(self)
        threading.Thread(
            target=_answer_for, args=(self,), name="beam_worker_end", daemon=True
        ).start()

    handler.start_worker = start_worker


def _answer_for(handler: Any) -> None:
    """Waits for a worker's end, then answers in its place whatever is asked of it."""
    from apache_beam.portability.api import beam_fn_api_pb2

    handler.worker_thread.join()
    connection = handler.control_conn
    ask = connection.push
    error = PipelineError(
        "a worker process of Beam ended in the middle of its work",
        expected="a process that lives until its work is done",
        fix="see log.txt for its exit code: with -9 the system has killed it, usually for lack "
        "of memory. Run again with fewer workers: --direct_num_workers",
    )

    def answer(future: Any) -> Any:
        # Not by `abort`: who waits for data looks for an error in the answer only.
        future.set(
            beam_fn_api_pb2.InstructionResponse(
                instruction_id=future.instruction_id, error=str(error)
            )
        )
        return future

    def push(request: Any) -> Any:
        asked = ask(request)
        return asked if asked is None else answer(asked)

    connection.push = push
    for future in list(connection._futures_by_id.values()):
        answer(future)
