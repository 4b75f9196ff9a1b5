"""Records every checkpoint as TensorFlow writes it, beside the training."""

from __future__ import annotations

import concurrent.futures
import logging
from typing import Any

import tensorflow as tf

from tfx_estimators.components.trainer.checkpoints.example_counter import ExampleCounter
from tfx_estimators.components.trainer.checkpoints.recorder import UNREADABLE, Recorder
from tfx_estimators.estimator.checkpoints import list_checkpoints

__all__ = ["RecordingListener"]

_log = logging.getLogger(__name__)


class RecordingListener(tf.compat.v1.train.CheckpointSaverListener):
    """Records checkpoints in a thread of its own.

    Args:
        recorder: of the training.
        model_dir: where the Estimator writes.
        counter: counts the examples; a hook of the same session.
    """

    def __init__(self, recorder: Recorder, model_dir: str, counter: ExampleCounter) -> None:
        self._recorder = recorder
        self._model_dir = model_dir
        self._counter = counter
        self._counter.counted = self._counted
        self._noted = False
        self._written: list[str] = []
        # One thread: reading a checkpoint for its digest does not hold the training up.
        self._thread = concurrent.futures.ThreadPoolExecutor(1)

    def before_save(self, session: Any, global_step_value: int) -> None:
        """Called by TensorFlow before it writes: raises if the folder is another's by now."""
        self._recorder.check()

    def after_save(self, session: Any, global_step_value: int) -> None:
        """Called by TensorFlow once a checkpoint is complete."""
        prefix = f"{self._model_dir.rstrip('/')}/model.ckpt-{global_step_value}"
        self._written.append(prefix)
        # Else the counter has not seen the step yet, which was saved before it ended.
        if global_step_value <= self._counter.step:
            self._begin()

    def finish(self) -> None:
        """Waits until all that was written is recorded."""
        self._begin()
        self._thread.shutdown(wait=True)
        self._recorder.catch_up(self._counter)

    def look(self) -> None:
        """Has checkpoints recorded that it was not told of, but for the newest.

        That one may still be being written.
        """
        self._thread.submit(self._look)

    def _look(self) -> None:
        for checkpoint in list_checkpoints(self._model_dir)[:-1]:
            if not self._recorder.knows(checkpoint.prefix):
                self._record(checkpoint.prefix, self._counter.at(checkpoint.step))

    def _counted(self) -> None:
        if not self._noted:
            # Once: killed before its first record, a training is not without a count.
            self._noted = True
            self._recorder.note_examples(self._counter.step, self._counter.count())
        self._begin()

    def _begin(self) -> None:
        for prefix in self._written:
            self._thread.submit(self._record, prefix, self._counter.count())
        self._written.clear()

    def _record(self, prefix: str, examples: int | None) -> None:
        try:
            self._recorder.record(prefix, examples)
        except UNREADABLE as error:
            # The training goes on; what has no record gets one when it ends.
            _log.warning("the checkpoint %s is not recorded yet: %s", prefix, error)
