"""Columns that learn from the data: vocabularies, scales and quantiles.

They can stand wherever TensorFlow takes a column of their kind. TensorFlow has no
such columns: what they learn is learned by the transform, and `compile_columns`
replaces them in the model.
"""

from __future__ import annotations

import collections
from typing import Any, Literal

import tensorflow as tf

from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator.columns.analysis import TransformState, uncompiled
from tfx_estimators.estimator.columns.inputs import present_values
from tfx_estimators.estimator.columns.tensorflow_columns import (
    BucketizedColumn,
    CategoricalColumn,
    NumericColumn,
    bucket_ids,
)

__all__ = [
    "LearnedVocabularyColumn",
    "QuantileBucketizedColumn",
    "ScaledNumericColumn",
    "Scaling",
    "categorical_column_with_learned_vocabulary",
    "quantile_bucketized_column",
    "scaled_numeric_column",
]

Scaling = Literal["z_score", "min_max"]


def categorical_column_with_learned_vocabulary(
    key: str,
    top_k: int | None = None,
    frequency_threshold: int | None = None,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    dtype: Any = tf.string,
) -> LearnedVocabularyColumn:
    """A categorical column whose vocabulary is the training data's.

    Ids are given by falling frequency. The empty string, and strings with a line
    break, are never entries.

    Args:
        key: the raw feature, one or several strings or integers an example.
        top_k: keep only that many entries, the most frequent.
        frequency_threshold: keep only values that occur at least so often.
        num_oov_buckets: values outside the vocabulary get one of so many ids after
            it, by hash.
        default_value: the id of such values where there are no buckets; -1 drops them.
        dtype: `tf.string` or `tf.int64`.

    Returns:
        A categorical column, for example for `embedding_column` or `crossed_column`.

    Raises:
        ColumnError: for a number that makes no sense.
    """
    column = f"categorical_column_with_learned_vocabulary({key!r})"
    _require(isinstance(key, str) and bool(key), column, "key", key, "a feature's name")
    for name, value in (("top_k", top_k), ("frequency_threshold", frequency_threshold)):
        _require(value is None or value >= 1, column, name, value, "at least 1, or None")
    _require(num_oov_buckets >= 0, column, "num_oov_buckets", num_oov_buckets, "at least 0")
    _require(
        default_value == -1 or not num_oov_buckets,
        column,
        "default_value",
        default_value,
        "no value, because num_oov_buckets is set",
    )
    dtype = tf.as_dtype(dtype)
    _require(dtype in (tf.string, tf.int64), column, "dtype", dtype, "tf.string or tf.int64")
    return LearnedVocabularyColumn(
        key, top_k, frequency_threshold, num_oov_buckets, default_value, dtype
    )


def scaled_numeric_column(
    key: str,
    scaling: Scaling = "z_score",
    default_value: float | None = None,
    shape: tuple[int, ...] = (1,),
) -> ScaledNumericColumn:
    """A numeric column scaled by what the training data shows.

    Args:
        key: the raw feature, numbers.
        scaling: "z_score" for `(x - mean) / standard deviation`, "min_max" for
            `(x - minimum) / (maximum - minimum)`, computed over the values present, all
            elements together. A feature that never changes becomes 0.
        default_value: stands for a missing value, and is then scaled like any other.
        shape: of the values of one example.

    Returns:
        A dense float32 column, `[batch] + shape`.

    Raises:
        ColumnError: for another scaling.
    """
    column = f"scaled_numeric_column({key!r})"
    _require(scaling in ("z_score", "min_max"), column, "scaling", scaling, "z_score or min_max")
    plain = tf.feature_column.numeric_column(key, shape, default_value)
    return ScaledNumericColumn(**plain._asdict(), scaling=scaling)


def quantile_bucketized_column(
    key: str, num_buckets: int, default_value: float | None = None
) -> QuantileBucketizedColumn:
    """A bucketized column whose buckets hold about equally many training examples.

    Args:
        key: the raw feature, one number an example.
        num_buckets: how many buckets, at least 2. Where a value is very frequent some
            stay empty.
        default_value: stands for a missing value; boundaries ignore it.

    Returns:
        A column as `bucketized_column` makes, categorical and dense.

    Raises:
        ColumnError: for fewer than two buckets.
    """
    column = f"quantile_bucketized_column({key!r})"
    _require(num_buckets >= 2, column, "num_buckets", num_buckets, "at least 2")
    source = tf.feature_column.numeric_column(key, default_value=default_value)
    return QuantileBucketizedColumn(source, num_buckets)


# The named tuples come first: theirs are the fields, TensorFlow's classes have their own.
class LearnedVocabularyColumn(
    collections.namedtuple(
        "LearnedVocabularyColumn",
        ("key", "top_k", "frequency_threshold", "num_oov_buckets", "default_value", "dtype"),
    ),
    CategoricalColumn,
):
    """See `categorical_column_with_learned_vocabulary`."""

    @property
    def _is_v2_column(self) -> bool:
        return True

    @property
    def name(self) -> str:
        """The key."""
        return self.key

    @property
    def parents(self) -> list[Any]:
        """The key."""
        return [self.key]

    @property
    def vocabulary(self) -> tuple[Any, ...]:
        """What decides the vocabulary: columns where this is equal have the same one."""
        return self.key, self.top_k, self.frequency_threshold, self.dtype

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        """How the raw feature is parsed."""
        return {self.key: tf.io.VarLenFeature(self.dtype)}

    @property
    def num_buckets(self) -> int:
        """Unknown until the data was analysed.

        Raises:
            ColumnError: always.
        """
        raise uncompiled(self)

    def transform_feature(self, transformation_cache: Any, state_manager: Any) -> Any:
        """Int64 `SparseTensor` of ids, in a transform graph."""
        analyzers, name = TransformState.of(state_manager, self)
        return analyzers.vocabulary_ids(
            transformation_cache.get(self.key, state_manager),
            self.key,
            name,
            top_k=self.top_k,
            frequency_threshold=self.frequency_threshold,
            num_oov_buckets=self.num_oov_buckets,
            default_value=self.default_value,
        )

    def get_sparse_tensors(self, transformation_cache: Any, state_manager: Any) -> Any:
        """The ids, without weights."""
        return self.IdWeightPair(transformation_cache.get(self, state_manager), None)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**self._asdict(), "dtype": self.dtype.name}


class ScaledNumericColumn(
    collections.namedtuple(
        "ScaledNumericColumn",
        ("key", "shape", "default_value", "dtype", "normalizer_fn", "scaling"),
    ),
    NumericColumn,
):
    """See `scaled_numeric_column`. A `NumericColumn`, so it can be bucketized."""

    def transform_feature(self, transformation_cache: Any, state_manager: Any) -> Any:
        """Float32 tensor, `[batch] + shape`, in a transform graph."""
        analyzers, name = TransformState.of(state_manager, self)
        present = present_values(transformation_cache, self.key)
        analyzers.record(name, "count", analyzers.count(present, self.key))
        if self.scaling == "z_score":
            offset, variance = analyzers.mean_and_variance(present, self.key)
            analyzers.record(name, "mean", offset)
            analyzers.record(name, "variance", variance)
            scale = tf.sqrt(variance)
        else:
            offset, maximum = analyzers.minimum_and_maximum(present, self.key)
            analyzers.record(name, "minimum", offset)
            analyzers.record(name, "maximum", maximum)
            scale = maximum - offset
        filled = transformation_cache.get(self.key, state_manager)
        # Multiplied, as TensorFlow's graph optimizer replaces divisions by constants in
        # some graphs and not in others, and the results differ in the last bit.
        return (filled - offset) * tf.math.divide_no_nan(1.0, scale)


class QuantileBucketizedColumn(
    collections.namedtuple("QuantileBucketizedColumn", ("source_column", "quantiles")),
    BucketizedColumn,
):
    """See `quantile_bucketized_column`."""

    @property
    def boundaries(self) -> tuple[float, ...]:
        """Unknown until the data was analysed.

        Raises:
            ColumnError: always.
        """
        raise uncompiled(self)

    @property
    def num_buckets(self) -> int:
        """Number of buckets that was asked for."""
        return int(self.quantiles)

    def transform_feature(self, transformation_cache: Any, state_manager: Any) -> Any:
        """Int32 tensor of buckets, `[batch, 1]`, in a transform graph."""
        analyzers, name = TransformState.of(state_manager, self)
        key = self.source_column.key
        present = present_values(transformation_cache, key)
        analyzers.record(name, "count", analyzers.count(present, key))
        boundaries = analyzers.quantiles(present, key, self.quantiles)
        analyzers.record(name, "boundaries", boundaries)
        source = transformation_cache.get(self.source_column, state_manager)
        # As TensorFlow's bucketize, which takes no tensor of boundaries: a value equal
        # to a boundary belongs to the bucket above it.
        flat = tf.searchsorted(boundaries, tf.reshape(source, [-1]), side="right")
        return tf.reshape(flat, [-1, 1])

    def get_sparse_tensors(self, transformation_cache: Any, state_manager: Any) -> Any:
        """The buckets as ids."""
        buckets = transformation_cache.get(self, state_manager)
        # How many there are does not matter here, as there is one number an example.
        return bucket_ids(self.source_column, self.quantiles, buckets)


def _require(holds: bool, column: str, argument: str, value: object, expected: str) -> None:
    if not holds:
        raise ColumnError(
            f"{column}: {argument}={value!r}",
            expected=expected,
            fix="correct the column in feature_columns()",
        )
