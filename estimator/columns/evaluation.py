"""Feature columns computed over raw features, as the transform's graph does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfx_estimators.errors import ColumnError, FeatureDtypeError, FeatureNotFoundError
from tfx_estimators.estimator.columns import inputs as raw_inputs
from tfx_estimators.estimator.columns.analysis import TransformState
from tfx_estimators.estimator.columns.column_kind import TransformedFeature
from tfx_estimators.estimator.columns.kinds import children, own_specs
from tfx_estimators.estimator.columns.table import kind_of
from tfx_estimators.estimator.graphs import stop_unless

__all__ = ["Evaluation"]


class Evaluation:
    """Evaluates columns, children first, each once."""

    def __init__(self, raw: Mapping[str, Any], state: TransformState) -> None:
        self._raw = raw
        self._state = state
        self._caches: dict[Any, raw_inputs.LeafCache] = {}
        self._present: dict[Any, Any] = {}

    def feature(self, feature: TransformedFeature) -> Any:
        """The feature's value, as its kind says.

        Raises:
            FeatureNotFoundError: if its column reads a feature that is not there.
            FeatureDtypeError: if its column cannot read a feature's values, or computes
                numbers that are not float32.
            ColumnError: if a column that computes ids computes weights too.
        """
        if feature.kind == "raw":
            spec = feature.column.parse_example_spec[feature.name]
            return self._read(feature.name, spec, feature.column)[0]
        column = feature.column
        cache = self._evaluate(column)
        if feature.kind in ("ids", "weights"):
            ids, weights = column.get_sparse_tensors(cache, self._state)
            if feature.kind == "weights":
                return weights
            if weights is not None and "weights" not in kind_of(column).computes:
                raise _has_weights(column)
            return _in_range(_as_int64(ids), column)
        if feature.kind == "numbers":
            return _numbers(column.get_dense_tensor(cache, self._state), column)
        value = cache.get(column, self._state)
        return tf.cast(value, tf.int64) if feature.kind == "buckets" else value

    def _evaluate(self, column: Any) -> raw_inputs.LeafCache:
        """Computes the column, once; returns a cache that has it."""
        if column in self._caches:
            return self._caches[column]
        features: dict[Any, Any] = {}
        present: dict[str, Any] = {}
        for child in children(column):
            cache = self._evaluate(child)
            features[child] = cache.get(child, self._state)
            present.update(cache.present)
        for key, spec in own_specs(column).items():
            features[key], values = self._read(key, spec, column)
            # The same tensor for all columns, so that it is analysed once.
            present[key] = self._present.setdefault((key, values.dtype), values)
        cache = raw_inputs.LeafCache(features, present)
        cache.get(column, self._state)
        self._caches[column] = cache
        return cache

    def _read(self, key: str, spec: Any, column: Any) -> tuple[Any, Any]:
        if key not in self._raw:
            raise FeatureNotFoundError(
                f"column {column.name!r} reads feature {key!r}, which is not in the data",
                expected=f"one of {', '.join(sorted(self._raw))}",
                fix="correct the column's key",
            )
        if isinstance(spec, tf.io.FixedLenFeature):
            return raw_inputs.read_dense(self._raw[key], spec, column.name, key)
        dtype = None if kind_of(column).as_they_come else spec.dtype
        sparse = raw_inputs.read_sparse(self._raw[key], dtype, column.name, key)
        return sparse, sparse.values


def _as_int64(ids: Any) -> Any:
    return ids if ids.dtype == tf.int64 else tf.cast(ids, tf.int64)


def _numbers(value: Any, column: Any) -> Any:
    if value.dtype != tf.float32:
        raise FeatureDtypeError(
            f"{type(column).__name__} {column.name!r} computes {value.dtype.name}",
            expected="float32, which a model's dense input has",
            fix="cast to tf.float32 in the column",
        )
    return tf.ensure_shape(value, [None, *(kind_of(column).shape(column) or (1,))])


def _has_weights(column: Any) -> ColumnError:
    return ColumnError(
        f"{type(column).__name__} {column.name!r} computes weights beside its ids",
        expected="ids alone, as it is registered as a column of ids",
        fix="return None for the weights and use tf.feature_column.weighted_categorical_column, "
        "or do not register the class",
    )


def _in_range(ids: Any, column: Any) -> Any:
    """The ids of a column that does not keep them in range itself, which must be so.

    Without a default TensorFlow finds that out in the model, and for some uses not at all.
    Its -1 stands for a missing value.
    """
    column = kind_of(column).numbered_by(column)
    called = kind_of(column).ids_of(column)
    if called is None:
        return ids
    count = column.num_buckets
    outside = tf.logical_or(ids.values < -1, ids.values >= count)
    # Without quotes, which TensorFlow would escape.
    problem = f"{called} {column.name} has ids from 0 to {count - 1}, but the data has"
    asserted = stop_unless(
        tf.logical_not(tf.reduce_any(outside)), [problem, tf.boolean_mask(ids.values, outside)]
    )
    with tf.control_dependencies([asserted]):
        return ids.with_values(tf.identity(ids.values))
