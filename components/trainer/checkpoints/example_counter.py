"""A session hook that counts the examples of every batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_estimators.components.trainer.checkpoints.training import Start
from tfx_estimators.estimator.step_loops.skippable_hooks import MOST_STEPS

__all__ = ["ExampleCounter"]


class ExampleCounter(tf.compat.v1.train.SessionRunHook):
    """Reads the size of each batch where the input is one `tf.data` iterator.

    Elsewhere, as with several replicas in a process, every step counts for
    `batch_size`.

    Args:
        start: step and examples that the training goes on from.
        batch_size: examples a batch, where that is known.
        replicas: how many take a batch in each step.
        shared: whether other processes take steps of their own: then every step that
            anybody takes counts for `batch_size`.

    Attributes:
        step: the last step that was counted.
        counted: called after each.
    """

    def __init__(
        self, start: Start, batch_size: int | None, replicas: int = 1, *, shared: bool = False
    ) -> None:
        self.step = start.step
        self.counted: Callable[[], None] = lambda: None
        self._start = start
        self._count = start.examples or 0
        self._batch_size = batch_size
        self._replicas = replicas
        self._shared = shared
        # Of what is not known from the beginning, the sum is not known either.
        self._countable = start.examples is not None
        self._known = batch_size is not None and self._countable
        self._read: Any = None

    def count(self) -> int | None:
        """Examples by now; None if that cannot be told."""
        return self._count if self._known else None

    def at(self, step: int) -> int | None:
        """Examples by an earlier step, if every step had as many; None if unknown."""
        taken = self.step - self._start.step
        if not self._known or taken <= 0:
            return None
        before = self._start.examples or 0
        return before + (step - self._start.step) * (self._count - before) // taken

    def begin(self) -> None:
        """Finds the batch, or the step that all take."""
        if self._shared:
            self._read = tf.compat.v1.train.get_global_step().read_value()
            return
        graph = tf.compat.v1.get_default_graph()
        reads = [op for op in graph.get_operations() if op.type == "IteratorGetNext"]
        if len(reads) != 1:
            return
        for output in reads[0].outputs:
            dense = output.dtype not in (tf.variant, tf.resource)
            if dense and (output.shape.rank is None or output.shape.rank > 0):
                with graph.control_dependencies(None):
                    self._read = tf.shape(output)[0]
                self._known = self._countable
                return

    def before_run(self, run_context: Any) -> Any:
        """Asks for the size of the step's batch."""
        return None if self._read is None else tf.compat.v1.train.SessionRunArgs(self._read)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Adds it."""
        if self._shared:
            self.step = max(self.step, int(run_values.results))
            since = self.step - self._start.step
            self._count = (self._start.examples or 0) + since * (self._batch_size or 0)
        else:
            size = run_values.results if self._read is not None else self._batch_size
            self._add(1, size)
        self.counted()

    def skippable_steps(self, step: int) -> int:
        """All, unless other processes count too."""
        return 0 if self._shared else MOST_STEPS

    def each_step(self) -> tf.Tensor | None:
        """The size of the batch."""
        return self._read

    def after_skipped_steps(self, values: np.ndarray[Any, Any] | None, count: int) -> None:
        """Adds them."""
        size: Any = None
        if values is not None:
            size = values.sum()
        elif self._batch_size is not None:
            size = count * self._batch_size
        self._add(count, size)
        self.counted()

    def _add(self, steps: int, examples: Any) -> None:
        if examples is not None:
            self._count += int(examples) * self._replicas
        self.step += steps
