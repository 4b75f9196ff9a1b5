"""SIGTERM, SIGHUP and Ctrl-C while training: the step under way ends, a checkpoint is saved.

A cluster that takes a machine away sends SIGTERM some seconds before; a terminal that is
closed sends SIGHUP.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_estimators.components.signals import signals_heard
from tfx_estimators.errors import TrainingInterruptedError
from tfx_estimators.estimator.step_loops.skippable_hooks import MOST_STEPS
from tfx_estimators.terminal import say

__all__ = ["Interruption", "InterruptionHook", "listening"]


class Interruption:
    """Whether the process was asked to end.

    Attributes:
        signal: the name of the signal that asked; None as long as none has.
    """

    def __init__(self) -> None:
        self.signal: str | None = None

    def check(self, where: str) -> None:
        """Raises if the process was asked to end.

        Args:
            where: how far the training is, for the message.

        Raises:
            TrainingInterruptedError: if so.
        """
        if self.signal is not None:
            raise TrainingInterruptedError(
                f"training was stopped by {self.signal} {where}",
                fix="run the pipeline again: it goes on from there",
            )


@contextlib.contextmanager
def listening() -> Iterator[Interruption]:
    """Takes note of signals for the length of a block, instead of dying of them.

    A second Ctrl-C interrupts at once. What stays ignored, and where nothing is noted, is as in
    `signals_heard`.
    """
    interruption = Interruption()

    def note(number: int, frame: FrameType | None) -> None:
        if interruption.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        interruption.signal = signal.Signals(number).name
        say(f"EstimatorTrainer: {interruption.signal}: saving a checkpoint after this step")

    with signals_heard(note):
        yield interruption


class InterruptionHook(tf.compat.v1.train.SessionRunHook):
    """Ends a session between two steps once the process was asked to end.

    Args:
        interruption: from `listening`.
        model_dir: where to save a checkpoint first; None for a session that trains
            nothing, or whose checkpoints another process writes.
    """

    def __init__(self, interruption: Interruption, model_dir: str | None) -> None:
        self._interruption = interruption
        self._model_dir = model_dir

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Saves and raises, if it is time to."""
        if self._interruption.signal is None:
            return
        if self._model_dir is None:
            self._interruption.check("in an evaluation")
        session = run_context.session
        step = int(session.run(tf.compat.v1.train.get_global_step(session.graph)))
        for saver in session.graph.get_collection(tf.compat.v1.GraphKeys.SAVERS)[:1]:
            saver.save(session, f"{self._model_dir}/model.ckpt", global_step=step)
        self._interruption.check(f"at step {step}, which was saved")

    def skippable_steps(self, step: int) -> int:
        """None once the process was asked to end."""
        return MOST_STEPS if self._interruption.signal is None else 0

    def each_step(self) -> tf.Tensor | None:
        """Nothing."""
        return None

    def after_skipped_steps(self, values: np.ndarray[Any, Any] | None, count: int) -> None:
        """Nothing to note."""
