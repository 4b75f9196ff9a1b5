"""Recording checkpoints where TensorFlow calls no listeners."""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from tfx_estimators.components.trainer.checkpoints.example_counter import ExampleCounter
from tfx_estimators.components.trainer.checkpoints.examples_note import note_examples
from tfx_estimators.components.trainer.checkpoints.recording_listener import RecordingListener

__all__ = ["RecordingHook"]

_SECONDS_BETWEEN_LOOKS = 10.0


class RecordingHook(tf.compat.v1.train.SessionRunHook):
    """Looks for new checkpoints now and then, while a cluster trains.

    The distribute coordinator drops the saving listeners of a TrainSpec on TensorFlow
    2.15 and, with `MultiWorkerMirroredStrategy`, on every version.

    Args:
        listener: has them recorded.
        folder: the training's.
        counter: counts the examples; an earlier hook of the same session.
    """

    def __init__(self, listener: RecordingListener, folder: str, counter: ExampleCounter) -> None:
        self._listener = listener
        self._folder = folder
        self._counter = counter
        self._looked: float | None = None

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Looks, if it is time to; notes the examples for whoever records the rest."""
        now = time.monotonic()
        if self._looked is None or now - self._looked > _SECONDS_BETWEEN_LOOKS:
            self._looked = now
            note_examples(self._folder, self._counter.step, self._counter.count())
            self._listener.look()
