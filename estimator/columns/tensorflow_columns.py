"""TensorFlow's own column classes, which have no public name.

The only module that imports from `tensorflow.python.feature_column`. Names seen on
TensorFlow 2.15, 2.16 and 2.21; the module has not changed since its deprecation.
"""

from __future__ import annotations

import inspect
import types
from typing import Any

import tensorflow as tf
from tensorflow.python.feature_column import feature_column_v2 as _columns
from tensorflow.python.feature_column import feature_column_v2_types as _types
from tensorflow.python.feature_column import sequence_feature_column as _sequences
from tensorflow.python.ops import resource_variable_ops as _resources

from tfx_estimators.estimator.columns.names import scope_name

__all__ = [
    "BucketizedColumn",
    "CategoricalColumn",
    "CrossedColumn",
    "EmbeddingColumn",
    "FeatureColumn",
    "FeatureTransformationCache",
    "HashedCategoricalColumn",
    "IdentityCategoricalColumn",
    "IndicatorColumn",
    "NumericColumn",
    "SequenceCategoricalColumn",
    "SequenceNumericColumn",
    "SharedEmbeddingColumn",
    "StateManager",
    "VocabularyFileCategoricalColumn",
    "VocabularyListCategoricalColumn",
    "WeightedCategoricalColumn",
    "bucket_ids",
    "column_classes",
    "ids_of_values",
    "is_resource_variable",
    "leaf_keys",
    "resized_embedding_creator",
    "shared_embedding",
    "weighted_sum",
]

BucketizedColumn = _columns.BucketizedColumn
CategoricalColumn = _columns.CategoricalColumn
CrossedColumn = _columns.CrossedColumn
EmbeddingColumn = _columns.EmbeddingColumn
FeatureColumn = _types.FeatureColumn
FeatureTransformationCache = _columns.FeatureTransformationCache
HashedCategoricalColumn = _columns.HashedCategoricalColumn
IdentityCategoricalColumn = _columns.IdentityCategoricalColumn
IndicatorColumn = _columns.IndicatorColumn
NumericColumn = _columns.NumericColumn
SequenceCategoricalColumn = _columns.SequenceCategoricalColumn
SequenceNumericColumn = _sequences.SequenceNumericColumn
SharedEmbeddingColumn = _columns.SharedEmbeddingColumn
StateManager = _columns.StateManager
VocabularyFileCategoricalColumn = _columns.VocabularyFileCategoricalColumn
VocabularyListCategoricalColumn = _columns.VocabularyListCategoricalColumn
WeightedCategoricalColumn = _columns.WeightedCategoricalColumn
weighted_sum = _columns._create_weighted_sum


def bucket_ids(source: Any, num_buckets: int, buckets: Any) -> Any:
    """Dense bucket numbers over a source column as a bucketized column's ids."""
    bucketized = BucketizedColumn(source, tuple(range(num_buckets - 1)))
    return bucketized._get_sparse_tensors_for_input_tensor(buckets)


def column_classes(*modules: types.ModuleType) -> list[type]:
    """The classes of columns that modules define, TensorFlow's own by default."""
    return [
        member
        for module in modules or (_columns, _sequences)
        for member in vars(module).values()
        if inspect.isclass(member)
        and issubclass(member, FeatureColumn)
        and member.__module__ == module.__name__
        and not inspect.isabstract(member)
    ]


def ids_of_values(column: Any, values: Any, state_manager: Any) -> Any:
    """Ids that a categorical column gives to values, missing ones included.

    Args:
        column: hashed, of a vocabulary, or an identity column.
        values: strings or integers, `[count]`.
        state_manager: holds the column's table, if it needs one.

    Returns:
        int64, `[count]`.
    """
    # Columns take sparse values only, and pass where they lie on without a look.
    nowhere = tf.zeros(tf.stack([tf.size(values), 2]), tf.int64)
    sparse = tf.SparseTensor(nowhere, values, tf.zeros([2], tf.int64))
    vocabulary = isinstance(
        column, VocabularyFileCategoricalColumn | VocabularyListCategoricalColumn
    )
    tables = (state_manager,) if vocabulary else ()
    return column._transform_input_tensor(sparse, *tables).values


def is_resource_variable(variable: Any) -> bool:
    """Whether this is a variable behind a handle, as all are that were made in TensorFlow 2."""
    return isinstance(variable, _resources.BaseResourceVariable)


def leaf_keys(crossed: Any) -> list[Any]:
    """What a crossed column crosses, crosses inside it flattened: strings and columns."""
    return list(_columns._collect_leaf_level_keys(crossed))


def resized_embedding_creator(creator: Any, num_buckets: int) -> Any:
    """A copy of a shared embedding's creator, for `num_buckets` rows."""
    return _columns.SharedEmbeddingColumnCreator(
        dimension=creator._dimension,
        initializer=creator._initializer,
        ckpt_to_load_from=creator._ckpt_to_load_from,
        tensor_name_in_ckpt=creator._tensor_name_in_ckpt,
        num_buckets=num_buckets,
        trainable=creator._trainable,
        name=scope_name(creator._name),
        use_safe_embedding_lookup=creator._use_safe_embedding_lookup,
    )


def shared_embedding(column: Any) -> tuple[str, Any]:
    """Name of the variable that a shared embedding's columns have, and its initializer."""
    creator = column.shared_embedding_column_creator
    return str(creator._name), creator._initializer
