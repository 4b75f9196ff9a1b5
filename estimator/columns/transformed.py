"""Columns of the model: TensorFlow's own, over features that the transform made.

Each is TensorFlow's class for that kind of input and differs in one thing only: it
keeps the name of the column the user wrote, while it reads the transformed feature.
Names decide the names of variables and the order of inputs, hence checkpoints fit. A name
that TensorFlow does not take in a scope, or takes for another's, is made one that it does.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns.names import scope_name

__all__ = [
    "bucketized_column",
    "categorical_column",
    "numeric_column",
    "sequence_numeric_column",
    "weighted_column",
]


class _Named:
    # Named tuples rebuild themselves from their fields, and carry other attributes
    # along, when an estimator copies its params; so the name is set from outside.
    original_name: str

    @property
    def name(self) -> str:
        return self.original_name


class TransformedCategoricalColumn(_Named, tfc.IdentityCategoricalColumn):
    """Ids that the transform computed."""


class TransformedNumericColumn(_Named, tfc.NumericColumn):
    """Numbers that the transform computed."""


class TransformedSequenceNumericColumn(_Named, tfc.SequenceNumericColumn):
    """Sequences of numbers that the transform computed."""


class TransformedWeightedColumn(_Named, tfc.WeightedCategoricalColumn):
    """Ids and weights that the transform computed."""


class TransformedBucketizedColumn(_Named, tfc.BucketizedColumn):
    """Bucket numbers that the transform computed, dense or categorical as needed.

    Its boundaries only give the number of buckets.
    """

    feature: str

    @property
    def parents(self) -> list[Any]:
        return [self.feature]

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return {self.feature: tf.io.FixedLenFeature(self.source_column.shape, tf.int64)}

    @property
    def _parse_example_spec(self) -> dict[str, Any]:
        return self.parse_example_spec

    def transform_feature(self, transformation_cache: Any, state_manager: Any) -> Any:
        buckets = transformation_cache.get(self.feature, state_manager)
        # TensorFlow's bucketize gives int32.
        return tf.cast(buckets, tf.int32)

    def _transform_feature(self, inputs: Any) -> Any:
        return tf.cast(inputs.get(self.feature), tf.int32)


def categorical_column(name: str, feature: str, num_buckets: int) -> Any:
    """A categorical column over int64 ids.

    Args:
        name: of the column that the user wrote.
        feature: the transformed feature.
        num_buckets: number of ids; smaller than 0 means missing, as everywhere.
    """
    column = TransformedCategoricalColumn(feature, num_buckets, None)
    column.original_name = scope_name(name)
    return column


def weighted_column(name: str, ids: Any, feature: str) -> Any:
    """A weighted categorical column over transformed ids and float32 weights."""
    column = TransformedWeightedColumn(ids, feature, tf.float32)
    column.original_name = scope_name(name)
    return column


def numeric_column(name: str, feature: str, shape: tuple[int, ...]) -> Any:
    """A numeric column over float32 values."""
    column = TransformedNumericColumn(feature, shape, None, tf.float32, None)
    column.original_name = scope_name(name)
    return column


def sequence_numeric_column(name: str, feature: str, original: Any) -> Any:
    """A sequence of numbers; padded and shaped in the model as the original would be."""
    column = TransformedSequenceNumericColumn(
        feature, original.shape, original.default_value, original.dtype, None
    )
    column.original_name = scope_name(name)
    return column


def bucketized_column(source: Any, feature: str, boundaries: tuple[float, ...]) -> Any:
    """A bucketized column over int64 bucket numbers."""
    column = TransformedBucketizedColumn(source, boundaries)
    column.original_name = scope_name(f"{source.name}_bucketized")
    column.feature = feature
    return column
