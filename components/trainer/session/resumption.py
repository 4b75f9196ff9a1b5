"""Input that continues where an interrupted training stopped."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import tensorflow as tf

__all__ = ["going_on"]


def going_on(input_fn: Callable[..., Any], steps: int) -> Callable[..., Any]:
    """An `input_fn` without the batches that were trained on already.

    They are read and dropped, which is quick beside training on them. Input that is not
    a `tf.data.Dataset` begins anew: TensorFlow cannot skip in it.

    Args:
        input_fn: as an Estimator takes it.
        steps: trained by now; each took one batch a replica.

    Returns:
        A function with the same parameters.
    """
    if steps == 0:
        return input_fn

    def skipping(*args: Any, **kwargs: Any) -> Any:
        data = input_fn(*args, **kwargs)
        if not isinstance(data, tf.data.Dataset | tf.compat.v1.data.Dataset):
            return data
        context = kwargs.get("input_context")
        replicas = 1
        if context is not None:
            replicas = context.num_replicas_in_sync // context.num_input_pipelines
        return data.skip(steps * max(1, replicas))

    functools.update_wrapper(skipping, input_fn)
    # The Estimator looks at the parameters, and not through wrappers.
    skipping.__signature__ = inspect.signature(input_fn)  # type: ignore[attr-defined]
    return skipping
