"""A session hook that shows a training's steps, loss and speed as it runs."""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from tfx_estimators.components.progress import Progress

__all__ = ["ProgressHook"]

_SECONDS_BETWEEN_REPORTS = 0.5


class ProgressHook(tf.compat.v1.train.SessionRunHook):
    """Counts every step, and fetches the loss a few times a second only.

    Args:
        progress: where to show it.
        batch_size: examples a step, where that is known.

    Attributes:
        step: global step of the last step that ended, -1 before the session began.
    """

    def __init__(self, progress: Progress, batch_size: int | None) -> None:
        self.step = -1
        self._progress = progress
        self._batch_size = batch_size
        self._loss: Any = None
        self._reported_step = 0
        self._reported_at = 0.0

    def begin(self) -> None:
        """Finds the loss, which the Estimator puts into a collection."""
        losses = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.LOSSES)
        self._loss = losses[-1] if losses else None

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Starts counting where the checkpoint that was restored ends."""
        self.step = int(session.run(tf.compat.v1.train.get_global_step()))
        self._progress.reach(self.step)
        self._reported_step, self._reported_at = self.step, time.monotonic()

    def before_run(self, run_context: Any) -> Any:
        """Asks for the loss when a report is due."""
        due = time.monotonic() - self._reported_at >= _SECONDS_BETWEEN_REPORTS
        if self._loss is None or not due:
            return None
        return tf.compat.v1.train.SessionRunArgs(self._loss)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Counts the step."""
        self.step += 1
        if run_values.results is not None:
            self._report(loss=f"{float(run_values.results):.4g}")

    def end(self, session: Any) -> None:
        """Shows where the training ended."""
        self._report()

    def _report(self, **fields: object) -> None:
        now = time.monotonic()
        steps = self.step - self._reported_step
        if self._batch_size is not None and steps > 0:
            rate = steps * self._batch_size / (now - self._reported_at)
            fields["examples/s"] = f"{rate:,.0f}"
        self._progress.reach(self.step, **fields)
        self._reported_step, self._reported_at = self.step, now
