"""Starts the processes of steps, hears what they say, and passes signals on to them.

They are forked from one process that has imported what steps need: see
`multiprocessing.set_forkserver_preload`.

Private name: `Process._config`, seen on Python 3.10 to 3.13.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

from tfx_estimators.components.progress import Counted
from tfx_estimators.errors import PipelineError
from tfx_estimators.pipelines.side_by_side.step_process import (
    PrintedText,
    StepAnswer,
    StepTask,
    execute,
)

__all__ = ["StepProcesses"]

_PRELOADED = "tfx_estimators.pipelines.side_by_side.preloaded"


class StepProcesses:
    """The processes of the steps that run now."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([_PRELOADED])
        # The folder that multiprocessing would make lies in that of a command, which is removed
        # before Python ends, and its own removal then fails.
        process: Any = multiprocessing.current_process()
        process._config.setdefault("tempdir", _folder().name)
        self._running: set[Any] = set()
        self._lock = threading.Lock()
        self._asked: int | None = None

    def run(self, task: StepTask, counted: Callable[[Counted], None]) -> bytes:
        """Executes a step in a process of its own, and waits for its end.

        Args:
            task: what to do.
            counted: is told how far the step is.

        Returns:
            a serialized `ExecutorOutput`.

        Raises:
            TfxEstimatorsError: as the step raised it, or for what it raised.
            PipelineError: if the process ended before it answered.
            KeyboardInterrupt: if the process was interrupted, or a signal came before it
                had begun.
        """
        here, there = self._context.Pipe(duplex=False)
        process = self._context.Process(target=execute, args=(task, there), name=task.step)
        with self._lock:
            if self._asked is not None:
                raise KeyboardInterrupt
            process.start()
            self._running.add(process)
        if self._asked is not None:  # Since it was looked at.
            _send(process, self._asked)
        there.close()
        try:
            answer = _heard(here, process, task.step, counted)
            process.join()
        finally:
            with self._lock:
                self._running.remove(process)
            here.close()
        if answer is None:
            raise _ended(task.step, process.exitcode)
        if answer.error is not None:
            raise answer.error
        assert answer.output is not None
        return answer.output

    def send(self, number: int) -> None:
        """Sends a signal, which asks for the end, to all that run; none begins afterwards."""
        self._asked = number
        for process in tuple(self._running):
            _send(process, number)


def _send(process: Any, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for sockets, removed when Python ends, if it is still there."""
    return tempfile.TemporaryDirectory(prefix="steps-")


def _heard(
    connection: Connection, process: Any, step: str, counted: Callable[[Counted], None]
) -> StepAnswer | None:
    """What a process answers; None if it ends without an answer."""
    while True:
        # What it has forked may hold the other end of the connection, and live on.
        if connection not in wait([connection, process.sentinel]):
            return None
        try:
            message = connection.recv()
        except (EOFError, OSError):
            return None
        if isinstance(message, StepAnswer):
            return message
        if isinstance(message, Counted):
            counted(message)
        elif isinstance(message, PrintedText):
            stream = getattr(sys, message.stream)
            with contextlib.suppress(OSError, ValueError, AttributeError):  # It may be closed.
                stream.write(message.text)
                stream.flush()
        elif isinstance(message, logging.LogRecord):
            message.step = step
            logging.getLogger(message.name).handle(message)


def _ended(step: str, code: int | None) -> PipelineError:
    how = f"with exit code {code}"
    if code is not None and code < 0:
        how = f"by {signal.Signals(-code).name}"
    return PipelineError(
        f"{step} failed: its process was ended {how}",
        expected="a process that lives until its step is done",
        fix="if it was SIGKILL, the system may have run out of memory: let fewer steps run at "
        "the same time, with a smaller number after --parallel",
    )
