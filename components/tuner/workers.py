"""The processes of a search: each trains one trial after another.

A process imports TensorFlow once. Whatever kills it fails its trial alone: the next trial
gets a new process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import IO, Any

from tfx_estimators.components.trainer.processes.member_errors import read_error
from tfx_estimators.errors import TfxEstimatorsError, TrainingError
from tfx_estimators.estimator.distribution.processes import end_all, last_lines, start
from tfx_estimators.estimator.distribution.shares import VARIABLE
from tfx_estimators.json_text import dumps

__all__ = ["Assignment", "Outcome", "Worker"]


@dataclasses.dataclass(frozen=True)
class Assignment:
    """What a process is to do for one trial.

    Attributes:
        trial: its id.
        values: its hyperparameters.
        steps: the global step up to which it trains; None for one pass over the data.
        training: its `Training`, as JSON.
    """

    trial: str
    values: dict[str, Any]
    steps: int | None
    training: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        metrics: what its last evaluation measured; None if it failed.
        error: why it failed.
    """

    metrics: Mapping[str, float] | None
    error: TfxEstimatorsError | None = None


class Worker:
    """One process, started with the first trial.

    Args:
        name: its name.
        folder: where the step was written down, and outcomes are.
        gpus: the devices that it sees, as CUDA_VISIBLE_DEVICES; None for all.
    """

    def __init__(self, name: str, folder: pathlib.Path, gpus: str | None) -> None:
        self.name = name
        self._folder = folder
        self._gpus = gpus
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._trial: str | None = None

    def begin(self, assignment: Assignment) -> None:
        """Hands it a trial; it has none now."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._trial = assignment.trial
        try:
            self._process.stdin.write(f"{dumps(dataclasses.asdict(assignment))}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # It died this moment, which `outcome` finds.

    def outcome(self) -> Outcome | None:
        """How its trial ended, told once; None if it runs, or there is none."""
        if self._trial is None:
            return None
        assert self._process is not None
        code = self._process.poll()
        done = self._folder / f"{self._trial}.done"
        if done.exists():
            found = Outcome(json.loads(done.read_text(encoding="utf-8")))
        elif (self._folder / f"{self._trial}.error").exists():
            error = read_error(self._folder / f"{self._trial}.error", f"trial {self._trial}")
            found = Outcome(None, error or self._lost(code))
        elif code is not None:
            found = Outcome(None, self._lost(code))
        else:
            return None
        self._trial = None
        return found

    @staticmethod
    def end(workers: list[Worker], seconds: float) -> None:
        """Asks every process to end, each saving a checkpoint of its trial first.

        Args:
            workers: all of a search.
            seconds: how long to wait before they are killed.
        """
        end_all([worker._process for worker in workers if worker._process is not None], seconds)
        for worker in workers:
            worker._close()

    def _start(self) -> None:
        self._close()
        gpus = {} if self._gpus is None else {VARIABLE: self._gpus}
        self._log = (self._folder / f"{self.name}.log").open("ab")
        module = "tfx_estimators.components.tuner.trial_process"
        command = [sys.executable, "-m", module, str(self._folder)]
        self._process = start(command, {**os.environ, **gpus}, self._log, subprocess.PIPE)

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        if self._log is not None:
            self._log.close()

    def _lost(self, code: int | None) -> TrainingError:
        shown = last_lines(self._folder / f"{self.name}.log")
        return TrainingError(
            f"the process of trial {self._trial} ended with {code}; its last lines:\n{shown}",
            expected="a process that trains until the trial's end",
            fix="look whether the machine has memory for num_parallel_trials trainings at a time",
        )
