"""Raw features in the form that parsing by a column's own spec would give them.

A schema decides how TF Transform presents a raw feature (sparse, ragged or dense); a
column decides by its `parse_example_spec` how it wants it. The conversions here are
what `tf.io.parse_example` would have done, so that what follows is bit for bit the
in-graph computation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_estimators.errors import FeatureDtypeError
from tfx_estimators.estimator.columns.tensorflow_columns import FeatureTransformationCache
from tfx_estimators.estimator.graphs import stop_unless

__all__ = ["ColumnInput", "LeafCache", "present_values", "read_dense", "read_sparse"]


@dataclasses.dataclass(frozen=True)
class ColumnInput:
    """A raw feature that a column reads.

    Attributes:
        key: the raw feature.
        column: name of the column, for messages.
        dtypes: dtypes of the raw feature that the column can read.
        required: whether an example without it is an error.
        has_default: whether the column says what stands for a missing value.
    """

    key: str
    column: str
    dtypes: tuple[Any, ...]
    required: bool
    has_default: bool = False


def readable_dtypes(wanted: Any) -> tuple[Any, ...]:
    """Raw dtypes (string, int64, float32) that can be read as `wanted`.

    Integers can be read as floating point numbers: whether a CSV column holds "3" or
    "3.0" must not decide whether a pipeline runs.
    """
    wanted = tf.as_dtype(wanted)
    if wanted == tf.string:
        return (tf.string,)
    return (tf.int64,) if wanted.is_integer else (tf.float32, tf.int64)


class LeafCache(FeatureTransformationCache):
    """The features of one column that reads raw features.

    Args:
        features: key -> tensor in the form the column wants.
        present: key -> flat tensor of the values that are there, no defaults.
    """

    def __init__(self, features: Mapping[str, Any], present: Mapping[str, Any]) -> None:
        super().__init__(dict(features))
        self.present = dict(present)


def present_values(cache: Any, key: str) -> Any:
    """The values of a raw feature that examples have, flat, in a transform graph."""
    return cache.present[key]


def read_sparse(raw: Any, dtype: Any | None, column: str, key: str) -> Any:
    """A raw feature as `VarLenFeature(dtype)` would parse it.

    Args:
        raw: `Tensor`, `SparseTensor` or `RaggedTensor`, batch first.
        dtype: what the column wants, or None for the raw feature's own.
        column: name of the column, for messages.
        key: name of the raw feature.

    Returns:
        `SparseTensor` of rank 2. Every value is kept, also those that TensorFlow
        takes for missing in a dense tensor ("" and -1).

    Raises:
        FeatureDtypeError: if the values cannot be read as `dtype`.
    """
    if isinstance(raw, tf.RaggedTensor):
        raw = raw.to_sparse()
    if not isinstance(raw, tf.SparseTensor):
        shape = tf.shape(raw, out_type=tf.int64)
        count = tf.size(raw, out_type=tf.int64)
        width = tf.math.floordiv(count, tf.maximum(shape[0], 1))
        position = tf.range(count)
        rows = tf.math.floordiv(position, tf.maximum(width, 1))
        raw = tf.SparseTensor(
            tf.stack([rows, position - rows * width], axis=1),
            tf.reshape(raw, [-1]),
            tf.stack([shape[0], width]),
        )
    elif raw.shape.rank != 2:
        raw = tf.sparse.reshape(raw, tf.stack([raw.dense_shape[0], -1]))
    return raw.with_values(_cast(raw.values, dtype, column, key))


def read_dense(raw: Any, spec: Any, column: str, key: str) -> tuple[Any, Any]:
    """A raw feature as `FixedLenFeature` would parse it.

    Args:
        raw: `Tensor`, `SparseTensor` or `RaggedTensor`, batch first.
        spec: the `FixedLenFeature`.
        column: name of the column, for messages.
        key: name of the raw feature.

    Returns:
        The tensor, `[batch] + spec.shape` (`[batch, 1]` for a scalar), where examples
        without a value have the default; and the values present, flat. An example
        with another number of values, or none where there is no default, stops the
        graph.

    Raises:
        FeatureDtypeError: if the values cannot be read as `spec.dtype`.
    """
    shape = tuple(spec.shape) or (1,)
    if isinstance(raw, tf.Tensor):
        dense = tf.reshape(_cast(raw, spec.dtype, column, key), [-1, *shape])
        return dense, tf.reshape(dense, [-1])
    sparse = read_sparse(raw, spec.dtype, column, key)
    width = int(np.prod(shape))
    batch = sparse.dense_shape[0]
    counts = tf.math.unsorted_segment_sum(
        tf.ones_like(sparse.values, dtype=tf.int64), sparse.indices[:, 0], batch
    )
    complete = tf.equal(counts, width)
    # Without quotes, which TensorFlow would escape.
    described = f"numeric column {column} reads feature {key}"
    if spec.default_value is None:
        allowed = complete
        default = tf.zeros([1, width], spec.dtype)
        problem = f"{described} and has no default_value, but an example lacks {width} value(s)"
    else:
        allowed = tf.logical_or(complete, tf.equal(counts, 0))
        default = tf.constant(np.reshape(spec.default_value, [1, width]), spec.dtype)
        problem = f"{described}, but an example has neither 0 nor {width} values"
    with tf.control_dependencies([stop_unless(tf.reduce_all(allowed), [problem])]):
        filled = tf.tile(default, tf.stack([batch, 1]))
    dense = tf.tensor_scatter_nd_update(filled, sparse.indices, sparse.values)
    return tf.reshape(dense, [-1, *shape]), sparse.values


def _cast(values: Any, dtype: Any | None, column: str, key: str) -> Any:
    if dtype is None or values.dtype == dtype:
        return values
    if values.dtype not in readable_dtypes(dtype):
        raise FeatureDtypeError(
            f"column {column!r} reads feature {key!r}, which is {values.dtype.name}",
            expected=tf.as_dtype(dtype).name,
            fix="give the column that dtype, or another column that reads such values",
        )
    return tf.cast(values, dtype)
