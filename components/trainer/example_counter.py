"""A session hook that counts the examples of every batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfx_estimators.components.trainer.store import Start

__all__ = ["ExampleCounter"]


class ExampleCounter(tf.compat.v1.train.SessionRunHook):
    """Reads the size of each batch where the input is one `tf.data` iterator.

    Elsewhere, as with several replicas in a process, every step counts for
    `batch_size`.

    Args:
        start: step and examples that the training goes on from.
        batch_size: examples a step, where that is known.
        workers: how many processes take such a batch in each step.

    Attributes:
        step: the last step that was counted.
        counted: called after each.
    """

    def __init__(self, start: Start, batch_size: int | None, workers: int) -> None:
        self.step = start.step
        self.counted: Callable[[], None] = lambda: None
        self._count = start.examples
        self._batch_size = batch_size
        self._workers = workers
        self._known = batch_size is not None
        self._size: Any = None

    def count(self) -> int | None:
        """Examples by now; None if that cannot be told."""
        return self._count if self._known else None

    def begin(self) -> None:
        """Finds the batch."""
        graph = tf.compat.v1.get_default_graph()
        reads = [op for op in graph.get_operations() if op.type == "IteratorGetNext"]
        if len(reads) != 1:
            return
        for output in reads[0].outputs:
            dense = output.dtype not in (tf.variant, tf.resource)
            if dense and (output.shape.rank is None or output.shape.rank > 0):
                with graph.control_dependencies(None):
                    self._size = tf.shape(output)[0]
                self._known = True
                return

    def before_run(self, run_context: Any) -> Any:
        """Asks for the size of the step's batch."""
        return None if self._size is None else tf.compat.v1.train.SessionRunArgs(self._size)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Adds it."""
        size = run_values.results if self._size is not None else self._batch_size
        if size is not None:
            self._count += int(size) * self._workers
        self.step += 1
        self.counted()
