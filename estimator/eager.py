"""Eager execution where our own code computes with values.

A user's module may turn it off for the whole process: `tf.compat.v1.disable_v2_behavior()`
or `disable_eager_execution()`, once the first line of most estimator code. Models are built
in graphs and do not care; whoever needs values asks for them here.

Private names relied on, seen on 2.15 to 2.21: `tensorflow.python.eager.context.eager_mode` and
`default_execution_mode`, and `tensorflow.python.tf2`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

__all__ = ["eagerly", "elements", "tensorflow_2"]


def eagerly() -> contextlib.AbstractContextManager[Any]:
    """A block that is executed eagerly; not to be left by a `yield`."""
    from tensorflow.python.eager import context

    block: contextlib.AbstractContextManager[Any] = context.eager_mode()
    return block


@contextlib.contextmanager
def tensorflow_2() -> Iterator[None]:
    """A block in which every thread executes eagerly and TensorFlow says that it is 2.

    For libraries that otherwise take another way, with other files, such as TF Transform.
    What else the module turned off stays off.
    """
    from tensorflow.python import tf2
    from tensorflow.python.eager import context

    enabled, mode = tf2.enabled(), context.default_execution_mode
    tf2.enable()
    context.default_execution_mode = context.EAGER_MODE
    try:
        with context.eager_mode():
            yield
    finally:
        context.default_execution_mode = mode
        if not enabled:
            tf2.disable()


def elements(dataset: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    """The elements of a dataset.

    Args:
        dataset: makes it, or an iterator over it.

    Yields:
        One element after the other; whoever takes them is not made eager.
    """
    with eagerly():
        iterator = iter(dataset())
    end = object()
    while True:
        with eagerly():
            element = next(iterator, end)
        if element is end:
            return
        yield element
