"""Ends workers that train in step when they have lost contact with each other.

Private name: `monitored_session._PREEMPTION_ERRORS`, seen on TensorFlow 2.15, 2.16 and 2.21.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.training import monitored_session

from tfx_estimators.errors import LostWorkersError, TrainingError

__all__ = ["OneSessionHook", "in_one_session"]


class OneSessionHook(tf.compat.v1.train.SessionRunHook):
    """Has a worker train in one session, that begins where all of them begin.

    When a worker stands still for some seconds TensorFlow gives it up, and from then on
    every collective operation of the others fails, for good. TensorFlow takes that for
    something passing and makes the session anew, again and again, without a step; making it
    may fail as well. Used within `in_one_session`.

    Args:
        start: the global step that the training goes on from.
    """

    def __init__(self, start: int) -> None:
        self._start = start

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Lets no other session follow, and raises unless this one is at the right step."""
        # Until now, workers that are not there yet are waited for in this way.
        monitored_session._PREEMPTION_ERRORS = ()
        step = int(session.run(tf.compat.v1.train.get_global_step(session.graph)))
        if step != self._start:
            raise TrainingError(
                f"this worker starts at step {step}, but the training at step {self._start}",
                expected="workers that start at the same step",
                fix="run the pipeline again",
            )


@contextlib.contextmanager
def in_one_session() -> Iterator[None]:
    """Names what a training with a `OneSessionHook` ends with where workers lose each other.

    Raises:
        LostWorkersError: in place of TensorFlow's error.
    """
    passing = monitored_session._PREEMPTION_ERRORS
    try:
        yield
    except passing as error:
        raise LostWorkersError(
            "the workers have lost each other: one of them was stopped for too long, or "
            "can no longer be reached",
            expected="workers that run every step together",
            fix="run the pipeline again: it goes on from the last checkpoint",
        ) from error
    finally:
        monitored_session._PREEMPTION_ERRORS = passing
