"""Ends workers that train in step when they have lost contact with each other."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfx_estimators.errors import LostWorkersError, TrainingError

__all__ = ["OneSessionHook"]


class OneSessionHook(tf.compat.v1.train.SessionRunHook):
    """Has a worker train in one session, that begins where all of them begin.

    When a worker stands still for some seconds TensorFlow gives it up, and from then on
    every collective operation of the others fails, for good. TensorFlow takes that for
    something passing and makes the session anew, again and again, without a step.

    Args:
        start: the global step that the training goes on from.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._sessions = 0

    def begin(self) -> None:
        """A new call of `train`."""
        self._sessions = 0

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Raises unless it is the first session, at the right step."""
        self._sessions += 1
        if self._sessions > 1:
            raise LostWorkersError(
                "the workers have lost each other: one of them was stopped for too long, or "
                "can no longer be reached",
                expected="workers that run every step together",
                fix="run the pipeline again: it goes on from the last checkpoint",
            )
        step = int(session.run(tf.compat.v1.train.get_global_step(session.graph)))
        if step != self._start:
            raise TrainingError(
                f"this worker starts at step {step}, but the training at step {self._start}",
                expected="workers that start at the same step",
                fix="run the pipeline again",
            )
