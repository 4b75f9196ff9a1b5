"""Recording checkpoints where TensorFlow calls no listeners."""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from tfx_estimators.components.trainer.recorder import RecordingListener

__all__ = ["RecordingHook"]

_SECONDS_BETWEEN_LOOKS = 10.0


class RecordingHook(tf.compat.v1.train.SessionRunHook):
    """Looks for new checkpoints now and then, while a cluster trains.

    The distribute coordinator drops the saving listeners of a TrainSpec on TensorFlow
    2.15 and, with `MultiWorkerMirroredStrategy`, on every version.

    Args:
        listener: has them recorded.
    """

    def __init__(self, listener: RecordingListener) -> None:
        self._listener = listener
        self._looked = time.monotonic()

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Looks, if it is time to."""
        if time.monotonic() - self._looked > _SECONDS_BETWEEN_LOOKS:
            self._looked = time.monotonic()
            self._listener.look()
