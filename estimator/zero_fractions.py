"""The fractions of zeros that canned models write into their summaries, without branches.

TensorFlow decides in the graph whether a tensor is empty, and whether 32 bits can count it: each
fraction is a `tf.cond`, or one inside another, with functions that are traced for both ways. They
are most of the functions in a canned model's graph. But the sizes of weights are known when the
graph is built, and 64 bits can count anything.

Values are TensorFlow's, bit for bit.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

__all__ = ["of_values", "of_weights"]


def of_values(value: Any, name: str | None = None) -> Any:
    """What `tf.math.zero_fraction` gives.

    Args:
        value: of any numeric type and shape.
        name: of the operations.

    Returns:
        float32, a scalar; NaN if there are no values.
    """
    with tf.name_scope(name or "zero_fraction"):
        fraction, _ = _fraction_and_size(tf.convert_to_tensor(value))
        return tf.identity(fraction, "fraction")


def of_weights(variables: Any) -> Any:
    """The fraction of zeros in all weights of a linear model.

    Args:
        variables: a nest of variables, some of which may be empty.

    Returns:
        float32, a scalar; NaN if there are no weights.
    """
    with tf.name_scope("zero_fraction"):
        values = [tf.convert_to_tensor(variable) for variable in tf.nest.flatten(variables)]
        all_of_them = tf.cast(tf.add_n([tf.size(value, tf.int64) for value in values]), tf.float32)
        fraction = tf.add_n([_zeros(value) for value in values]) / all_of_them
        return tf.identity(fraction, "zero_fraction_or_nan")


def _zeros(value: Any) -> Any:
    if value.shape.num_elements() == 0:
        return tf.constant(0.0)
    fraction, size = _fraction_and_size(value)
    # Not the count itself: TensorFlow rounds twice.
    return fraction * size


def _fraction_and_size(value: Any) -> tuple[Any, Any]:
    known = value.shape.num_elements()
    # A sum of 32 bits takes less memory.
    counted = tf.int64 if known is None or known > tf.int32.max else tf.int32
    there = tf.cast(tf.not_equal(value, tf.zeros([], value.dtype)), counted)
    all_of_them = tf.size(value, counted)
    zeros = tf.cast(all_of_them - tf.reduce_sum(there), tf.float32)
    size = tf.cast(all_of_them, tf.float32)
    return zeros / size, size
