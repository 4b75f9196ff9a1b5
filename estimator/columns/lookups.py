"""Rows of weights by a column's ids, in fewer operations than TensorFlow's own lookups.

A step of a canned model is about a thousand small operations, and most of them look up weights:
TensorFlow makes every categorical feature a `SparseTensor`, whatever its form, reshapes it, drops
what is missing and fills what is empty. Two forms need less:

* a dense feature of one value an example is one gather, masked where the value is missing;
* a matrix of ids needs no reshaping, and its empty rows no copy of the result.

Values and gradients are TensorFlow's, bit for bit: a missing value reads row 0 and passes on a
gradient of zero there too, as some optimizers change a row for that alone. Only TensorFlow's
graph optimizer, which may fuse more of a smaller graph, makes logits of predictions differ in the
last bit. Whatever has another form, weights, a norm, several parts or a distribution strategy is
left to TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import tensorflow as tf

from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns import transformed

__all__ = ["looked_up_directly", "weighted_sum"]

_BY_VALUE = (
    tfc.HashedCategoricalColumn,
    tfc.IdentityCategoricalColumn,
    tfc.VocabularyFileCategoricalColumn,
    tfc.VocabularyListCategoricalColumn,
    transformed.TransformedCategoricalColumn,
)
_BUCKETIZED = (tfc.BucketizedColumn, transformed.TransformedBucketizedColumn)


class _OneId(NamedTuple):
    """At most one id an example.

    Attributes:
        ids: integers, `[batch]`.
        present: booleans, `[batch]`: whether the example has the id. None if all have.
    """

    ids: Any
    present: Any


def weighted_sum(
    column: Any,
    transformation_cache: Any,
    state_manager: Any,
    sparse_combiner: str,
    weight_var: Any,
) -> Any:
    """What a column adds to a linear model's logits.

    Args:
        column: any that a linear model takes.
        transformation_cache: the features.
        state_manager: holds the column's tables.
        sparse_combiner: how the weights of several ids become one: sum, mean or sqrtn.
        weight_var: float32, `[buckets, units]`.

    Returns:
        float32, `[batch, units]`.
    """
    if isinstance(column, tfc.CategoricalColumn):
        found = _look_up(column, transformation_cache, state_manager, sparse_combiner, weight_var)
        if found is not None:
            return found
    return tfc.weighted_sum(
        column, transformation_cache, state_manager, sparse_combiner, weight_var
    )


def looked_up_directly(columns: Iterable[Any]) -> list[Any]:
    """Columns of a DNN's input layer, equal to these, that look their weights up as said above."""
    direct = {tfc.EmbeddingColumn: _Embedding, tfc.IndicatorColumn: _Indicator}
    return [
        direct[type(column)](*column) if type(column) in direct else column for column in columns
    ]


class _Embedding(tfc.EmbeddingColumn):
    def get_dense_tensor(self, transformation_cache: Any, state_manager: Any) -> Any:
        found = None
        plain = self.max_norm is None and self.ckpt_to_load_from is None
        if plain and self.use_safe_embedding_lookup:
            weights = state_manager.get_variable(self, name="embedding_weights")
            found = _look_up(
                self.categorical_column, transformation_cache, state_manager, self.combiner, weights
            )
        if found is not None:
            return found
        return super().get_dense_tensor(transformation_cache, state_manager)


class _Indicator(tfc.IndicatorColumn):
    def transform_feature(self, transformation_cache: Any, state_manager: Any) -> Any:
        one = _one_id(self.categorical_column, transformation_cache, state_manager)
        if one is None:
            return super().transform_feature(transformation_cache, state_manager)
        ids = one.ids if one.present is None else tf.where(one.present, one.ids, -1)
        return tf.one_hot(ids, self.variable_shape[-1])


def _look_up(
    column: Any, transformation_cache: Any, state_manager: Any, combiner: str, weights: Any
) -> Any | None:
    """float32, `[batch, dimension]`; None where TensorFlow has to do it."""
    weights = _only_part(weights)
    if weights is None:
        return None
    one = _one_id(column, transformation_cache, state_manager)
    if one is not None:
        return _row(weights, one)
    if isinstance(column, tfc.SequenceCategoricalColumn | tfc.WeightedCategoricalColumn):
        return None
    pair = column.get_sparse_tensors(transformation_cache, state_manager)
    ids = pair.id_tensor
    if pair.weight_tensor is not None or ids.shape.rank != 2:
        return None
    is_id = ids.values >= 0
    # From another device only the rows that are needed should come, not all weights. What counts
    # is where operations are put: an Estimator's input always lies on the first CPU.
    if is_id.device != weights.device:
        return None
    return _combined_rows(weights, tf.sparse.retain(ids, is_id), combiner)


def _only_part(weights: Any) -> Any | None:
    """A variable's only part; None if it has several or is one of a distribution strategy's."""
    if tf.distribute.has_strategy():
        return None
    if not isinstance(weights, tf.Variable):
        # A partitioned variable is none, but can be iterated over.
        parts = list(weights)
        if len(parts) != 1:
            return None
        (weights,) = parts
    return weights if tfc.is_resource_variable(weights) else None


def _one_id(column: Any, transformation_cache: Any, state_manager: Any) -> _OneId | None:
    """The ids of a column over a dense feature of one value an example; None for others."""
    if type(column) in _BUCKETIZED:
        if tuple(column.source_column.shape) != (1,):
            return None
        return _OneId(tf.reshape(transformation_cache.get(column, state_manager), [-1]), None)
    if type(column) not in _BY_VALUE:
        return None
    raw = transformation_cache.get(column.key, state_manager)
    if not isinstance(raw, tf.Tensor) or raw.shape.rank != 2 or raw.shape[1] != 1:
        return None
    if not (raw.dtype == tf.string or raw.dtype.is_integer):
        # TensorFlow refuses it, and says why.
        return None
    values = tf.reshape(raw, [-1])
    ids = tfc.ids_of_values(column, values, state_manager)
    is_there = tf.not_equal(values, "" if values.dtype == tf.string else -1)
    present = tf.logical_and(is_there, ids >= 0)
    return _OneId(tf.where(present, ids, 0), present)


def _row(weights: Any, one: _OneId) -> Any:
    rows = tf.gather(weights, one.ids)
    if one.present is None:
        return rows
    return tf.compat.v1.where(one.present, rows, tf.zeros_like(rows))


def _combined_rows(weights: Any, ids: Any, combiner: str) -> Any:
    combine = {
        "mean": tf.sparse.segment_mean,
        "sqrtn": tf.sparse.segment_sqrt_n,
        "sum": tf.sparse.segment_sum,
    }[combiner]
    filled, is_empty = tf.sparse.fill_empty_rows(ids, tf.constant(0, ids.values.dtype))
    rows = combine(
        weights.read_value_no_copy(), filled.values, filled.indices[:, 0], sparse_gradient=True
    )
    return tf.compat.v1.where(is_empty, tf.zeros_like(rows), rows)
