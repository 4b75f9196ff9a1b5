"""A session hook that shows a training's steps, loss and speed as it runs."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_estimators.components.progress import Progress
from tfx_estimators.components.trainer.checkpoints.example_counter import ExampleCounter
from tfx_estimators.components.trainer.session.role import StatusFile
from tfx_estimators.estimator.step_loops.skippable_hooks import MOST_STEPS

__all__ = ["ProgressHook"]

_SECONDS_BETWEEN_REPORTS = 0.5


class ProgressHook(tf.compat.v1.train.SessionRunHook):
    """Counts every step, and reports a few times a second.

    The loss comes with every step: which of them is the last, nobody knows before, and the
    Estimator asks for it anyway.

    Args:
        progress: where to show it.
        counter: counts the examples; a hook of the same session.

    Attributes:
        step: global step of the last step that ended, -1 before the session began.
        steps: how many ended in this process.
    """

    def __init__(self, progress: Progress | StatusFile, counter: ExampleCounter) -> None:
        self.step = -1
        self.steps = 0
        self._progress = progress
        self._counter = counter
        self._loss: Any = None
        self._last_loss: Any = None
        self._shown: dict[str, object] = {}
        self._began = (0, 0.0)
        self._reported = (0, 0.0)

    def begin(self) -> None:
        """Finds the loss, which the Estimator puts into a collection."""
        losses = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.LOSSES)
        self._loss = losses[-1] if losses else None

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Starts counting where the checkpoint that was restored ends."""
        self.step = int(session.run(tf.compat.v1.train.get_global_step()))
        self._progress.reach(self.step)
        self._began = self._reported = self._now()

    def before_run(self, run_context: Any) -> Any:
        """Asks for the loss."""
        if self._loss is None:
            return None
        return tf.compat.v1.train.SessionRunArgs(self._loss)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Counts the step."""
        self._count(1, run_values.results)

    def skippable_steps(self, step: int) -> int:
        """All of them: a report a little later does no harm."""
        return MOST_STEPS

    def each_step(self) -> tf.Tensor | None:
        """The loss."""
        return self._loss

    def after_skipped_steps(self, values: np.ndarray[Any, Any] | None, count: int) -> None:
        """Counts the steps."""
        self._count(count, None if values is None else values[-1])

    def _count(self, steps: int, loss: Any) -> None:
        self.step += steps
        self.steps += steps
        self._last_loss = loss
        if self.steps == 1 or time.monotonic() - self._reported[1] >= _SECONDS_BETWEEN_REPORTS:
            self._report(since=self._reported)

    def end(self, session: Any) -> None:
        """Shows where the training ended, and its speed over all steps."""
        self._report(since=self._began)

    def _now(self) -> tuple[int, float]:
        return self._counter.count() or 0, time.monotonic()

    def _report(self, since: tuple[int, float]) -> None:
        examples, now = self._now()
        if self._last_loss is not None:
            self._shown["loss"] = f"{float(self._last_loss):.4g}"
        if examples > since[0]:
            self._shown["examples/s"] = f"{(examples - since[0]) / (now - since[1]):,.0f}"
        # Where others take steps of their own, the counter knows of them.
        self._progress.reach(max(self.step, self._counter.step), **self._shown)
        self._reported = (examples, now)
