"""The compile step: which part of a column runs on Beam, and which in the model.

Whatever depends on the data, or would be repeated each epoch, moves: parsing with
defaults, normalizing, bucketizing, hashing, look-ups, crossing. What is trained, or
would only make the examples larger, stays: embeddings, one-hot encodings, weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import tensorflow as tf

from tfx_estimators.errors import ColumnError, FeatureNotFoundError, TfxEstimatorsError
from tfx_estimators.estimator.columns import inputs as raw_inputs
from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns import transformed
from tfx_estimators.estimator.columns.analysis import Analyzers, TransformState
from tfx_estimators.estimator.columns.inputs import ColumnInput
from tfx_estimators.estimator.columns.learned import (
    LEARNED,
    LearnedVocabularyColumn,
    QuantileBucketizedColumn,
)
from tfx_estimators.estimator.columns.nests import flatten, map_columns

__all__ = ["ColumnPlan", "Facts", "Kind", "TransformedFeature", "compile_columns"]

Kind = Literal["ids", "weights", "numbers", "buckets", "sequence", "raw"]

Facts = Mapping[str, Mapping[str, Any]]
"""What was learned: name of the column -> fact -> number or list of numbers."""

_CATEGORICAL = (
    tfc.HashedCategoricalColumn,
    tfc.VocabularyFileCategoricalColumn,
    tfc.VocabularyListCategoricalColumn,
    tfc.IdentityCategoricalColumn,
    tfc.CrossedColumn,
    LearnedVocabularyColumn,
)


@dataclasses.dataclass(frozen=True)
class TransformedFeature:
    """A feature that the transform writes.

    Attributes:
        name: of the feature; the column's name unless that is taken.
        kind: "ids" and "weights" (sparse int64 and float32), "numbers" (float32,
            `[batch] + shape`), "buckets" (int64, `[batch] + shape`), "sequence"
            (sparse numbers), or "raw" (as the column parses it).
        column: the column that computes it; for "raw", the one that reads it.
    """

    name: str
    kind: Kind
    column: Any


def compile_columns(columns: Any) -> ColumnPlan:
    """Divides columns between Beam and the model.

    Args:
        columns: a feature column, or a nest of dicts, lists and tuples of them; or a
            function that returns it, which is called in a graph of its own, as
            `shared_embeddings` needs.

    Returns:
        the plan. It depends on the columns alone, so that compiling the same columns
        in another process gives the same one.

    Raises:
        ColumnError: if there is something else in the nest, or no column; or if the
            function fails, as it does where TensorFlow refuses a column's arguments.
    """
    if callable(columns):
        columns = _called(columns)
    return ColumnPlan(columns)


def _called(function: Any) -> Any:
    try:
        with tf.Graph().as_default():
            return function()
    except TfxEstimatorsError:
        raise
    except Exception as error:
        raise ColumnError(
            f"feature_columns() failed: {type(error).__name__}: {error}",
            expected="a function that makes columns with arguments TensorFlow accepts: sorted "
            "boundaries, at least one hash bucket, a vocabulary file that exists",
            fix="correct the column; the traceback above says which line made it",
        ) from error


class ColumnPlan:
    """What `compile_columns` decided.

    Args:
        columns: the nest of the user's columns.

    Attributes:
        columns: that nest.
        features: the features that the transform writes, one a computed column.
        inputs: every raw feature that a column reads.
    """

    def __init__(self, columns: Any) -> None:
        self.columns = columns
        top = [column for _, column in flatten(columns)]
        every = _unique(part for column in top for part in _walk(column))
        self._names = _Names()
        self._features: dict[tuple[Any, Kind], TransformedFeature] = {}
        stay = [column for column in every if _stays(column)]
        # A column that stays in the model looks for raw features by their own names.
        for column in stay:
            for key in column.parse_example_spec:
                self._features[key, "raw"] = TransformedFeature(
                    self._names.reserve(key), "raw", column
                )
        for column in top:
            for kind, computed in _computed(column):
                if (computed, kind) not in self._features:
                    name = self._names.take(_feature_name(computed, kind))
                    feature = TransformedFeature(name, kind, computed)
                    self._features[computed, kind] = feature
        self.features = tuple(self._features.values())
        self._learned = self._name_learned(every)
        self.inputs = tuple(_unique(i for column in every for i in _inputs(column)))

    @property
    def vocabularies(self) -> list[str]:
        """Names under which columns learn a vocabulary."""
        learned = self._learned.items()
        return list(dict.fromkeys(n for c, n in learned if isinstance(c, LearnedVocabularyColumn)))

    @property
    def unlimited_vocabularies(self) -> dict[str, str]:
        """Raw feature -> name under which a column learns a vocabulary of all its values."""
        return {
            column.key: name
            for column, name in self._learned.items()
            if isinstance(column, LearnedVocabularyColumn)
            and column.top_k is None
            and column.frequency_threshold is None
        }

    def transform(self, raw: Mapping[str, Any], analyzers: Analyzers) -> dict[str, Any]:
        """Computes the transformed features, in the graph being built.

        TensorFlow's own columns are evaluated, so the values are those of the in-graph
        computation, missing and unseen values included.

        Args:
            raw: feature name -> `Tensor`, `SparseTensor` or `RaggedTensor`, batch first.
            analyzers: the full-pass analyses that learned columns ask for.

        Returns:
            feature name -> `Tensor` or `SparseTensor`, as `TransformedFeature` says.

        Raises:
            FeatureNotFoundError: if a column reads a feature that is not in `raw`.
            FeatureDtypeError: if a column cannot read a feature's values.
        """
        evaluation = _Evaluation(raw, TransformState(analyzers, self._learned))
        return {feature.name: evaluation.feature(feature) for feature in self.features}

    def model_columns(self, facts: Facts) -> Any:
        """The nest with every column rewritten over the transformed features.

        Args:
            facts: what the analysis recorded.

        Raises:
            ColumnError: if a learned column's facts are missing.
        """
        return map_columns(self.columns, _Rewriting(self, facts).column)

    def feature(self, column: Any, kind: Kind) -> str:
        """Name of the transformed feature that holds `column`."""
        return self._features[column, kind].name

    def feature_names(self, column: Any) -> list[str]:
        """Names of all transformed features that hold or feed `column`."""
        if self.is_kept(column):
            return [self._features[key, "raw"].name for key in column.parse_example_spec]
        return [self.feature(computed, kind) for kind, computed in _computed(column)]

    def is_kept(self, column: Any) -> bool:
        """Whether the column is evaluated in the model as it is."""
        return _stays(column)

    def parts(self, column: Any) -> list[Any]:
        """The column and all columns inside it."""
        return list(_walk(column))

    def fact(self, facts: Facts, column: Any, fact: str) -> Any:
        """What a learned column has learned.

        Raises:
            ColumnError: if it is not there.
        """
        name = self._learned[column]
        try:
            return facts[name][fact]
        except KeyError:
            raise ColumnError(
                f"{type(column).__name__} {column.name!r}: its {fact} is not in the columns file",
                expected=f"facts of {', '.join(sorted(self._learned.values()))}",
                fix="run FeatureColumnTransform with this module again",
            ) from None

    def _name_learned(self, every: list[Any]) -> dict[Any, str]:
        names = _Names()
        # Columns that differ only in what they do with unseen values learn one vocabulary.
        vocabularies: dict[Any, str] = {}
        learned: dict[Any, str] = {}
        for column in every:
            if isinstance(column, LearnedVocabularyColumn):
                if column.vocabulary not in vocabularies:
                    vocabularies[column.vocabulary] = names.take(column.name)
                learned[column] = vocabularies[column.vocabulary]
            elif isinstance(column, LEARNED):
                learned[column] = names.take(column.name)
        return learned


class _Evaluation:
    """Evaluates columns, children first, each once."""

    def __init__(self, raw: Mapping[str, Any], state: TransformState) -> None:
        self._raw = raw
        self._state = state
        self._caches: dict[Any, raw_inputs.LeafCache] = {}
        self._present: dict[Any, Any] = {}

    def feature(self, feature: TransformedFeature) -> Any:
        if feature.kind == "raw":
            spec = feature.column.parse_example_spec[feature.name]
            return self._read(feature.name, spec, feature.column)[0]
        column = feature.column
        cache = self._evaluate(column)
        if feature.kind in ("ids", "weights"):
            ids, weights = column.get_sparse_tensors(cache, self._state)
            return weights if feature.kind == "weights" else _as_int64(ids)
        value = cache.get(column, self._state)
        if feature.kind == "buckets":
            return tf.cast(value, tf.int64)
        if feature.kind == "numbers":
            return tf.ensure_shape(value, [None, *(column.shape or (1,))])
        return value

    def _evaluate(self, column: Any) -> raw_inputs.LeafCache:
        """Computes the column, once; returns a cache that has it."""
        if column in self._caches:
            return self._caches[column]
        features: dict[Any, Any] = {}
        present: dict[str, Any] = {}
        for child in _children(column):
            cache = self._evaluate(child)
            features[child] = cache.get(child, self._state)
            present.update(cache.present)
        for key, spec in _specs(column).items():
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
        # A crossed column parses its keys as strings, but crosses integers as well.
        dtype = None if isinstance(column, tfc.CrossedColumn) else spec.dtype
        sparse = raw_inputs.read_sparse(self._raw[key], dtype, column.name, key)
        return sparse, sparse.values


class _Rewriting:
    """Rewrites columns over transformed features."""

    def __init__(self, plan: ColumnPlan, facts: Facts) -> None:
        self._plan = plan
        self._facts = facts
        self._creators: dict[int, Any] = {}

    def column(self, column: Any) -> Any:
        if isinstance(column, tfc.SequenceCategoricalColumn | tfc.IndicatorColumn):
            return type(column)(self.column(column.categorical_column))
        if isinstance(column, tfc.EmbeddingColumn):
            return column._replace(categorical_column=self.column(column.categorical_column))
        if isinstance(column, tfc.SharedEmbeddingColumn):
            return self._shared_embedding(column)
        if isinstance(column, tfc.WeightedCategoricalColumn):
            ids = transformed.categorical_column(
                column.categorical_column.name,
                self._plan.feature(column, "ids"),
                self._num_buckets(column.categorical_column),
            )
            feature = self._plan.feature(column, "weights")
            return transformed.weighted_column(column.name, ids, feature)
        if isinstance(column, tfc.BucketizedColumn):
            return transformed.bucketized_column(
                column.source_column,
                self._plan.feature(column, "buckets"),
                self._boundaries(column),
            )
        if isinstance(column, _CATEGORICAL):
            feature = self._plan.feature(column, "ids")
            return transformed.categorical_column(column.name, feature, self._num_buckets(column))
        if isinstance(column, tfc.NumericColumn):
            feature = self._plan.feature(column, "numbers")
            return transformed.numeric_column(column.name, feature, column.shape)
        if isinstance(column, tfc.SequenceNumericColumn):
            feature = self._plan.feature(column, "sequence")
            return transformed.sequence_numeric_column(column.name, feature, column)
        return column

    def _shared_embedding(self, column: Any) -> Any:
        ids = self.column(column.categorical_column)
        original = column.shared_embedding_column_creator
        # Columns share one embedding because they share one creator.
        if id(original) not in self._creators:
            creator = tfc.resized_embedding_creator(original, ids.num_buckets)
            self._creators[id(original)] = creator
        return column._replace(
            categorical_column=ids,
            shared_embedding_column_creator=self._creators[id(original)],
        )

    def _boundaries(self, column: Any) -> tuple[float, ...]:
        if isinstance(column, QuantileBucketizedColumn):
            return tuple(self._plan.fact(self._facts, column, "boundaries"))
        return tuple(column.boundaries)

    def _num_buckets(self, column: Any) -> int:
        if isinstance(column, tfc.BucketizedColumn):
            return (len(self._boundaries(column)) + 1) * int(column.source_column.shape[0])
        if isinstance(column, LearnedVocabularyColumn):
            size = self._plan.fact(self._facts, column, "vocabulary_size")
            return int(size) + int(column.num_oov_buckets)
        return int(column.num_buckets)


class _Names:
    """Unique names of features."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def reserve(self, name: str) -> str:
        self._taken.add(name)
        return name

    def take(self, name: str) -> str:
        unique, number = name, 1
        while unique in self._taken:
            number += 1
            unique = f"{name}_{number}"
        self._taken.add(unique)
        return unique


def _children(column: Any) -> list[Any]:
    """The columns that a column computes from."""
    parents = tfc.leaf_keys(column) if isinstance(column, tfc.CrossedColumn) else column.parents
    return [parent for parent in parents if isinstance(parent, tfc.FeatureColumn)]


def _walk(column: Any) -> Iterator[Any]:
    for child in _children(column):
        yield from _walk(child)
    yield column


def _computed(column: Any) -> Iterator[tuple[Kind, Any]]:
    """What Beam computes for a column."""
    if isinstance(column, tfc.WeightedCategoricalColumn):
        yield "ids", column
        yield "weights", column
    elif isinstance(column, tfc.BucketizedColumn):
        yield "buckets", column
    elif isinstance(column, _CATEGORICAL):
        yield "ids", column
    elif isinstance(column, tfc.NumericColumn):
        yield "numbers", column
    elif isinstance(column, tfc.SequenceNumericColumn):
        yield "sequence", column
    elif isinstance(column, _HELD_BY_MODEL):
        yield from _computed(column.categorical_column)


_HELD_BY_MODEL = (
    tfc.EmbeddingColumn,
    tfc.SharedEmbeddingColumn,
    tfc.IndicatorColumn,
    tfc.SequenceCategoricalColumn,
)


def _stays(column: Any) -> bool:
    """Whether a column's class is none of TensorFlow's or ours: it is not touched."""
    known = (
        *_CATEGORICAL,
        *_HELD_BY_MODEL,
        tfc.WeightedCategoricalColumn,
        tfc.BucketizedColumn,
        tfc.NumericColumn,
        tfc.SequenceNumericColumn,
    )
    return not isinstance(column, known)


def _specs(column: Any) -> dict[str, Any]:
    """How a column parses the raw features that it reads itself."""
    keys = tfc.leaf_keys(column) if isinstance(column, tfc.CrossedColumn) else column.parents
    own = {key for key in keys if isinstance(key, str)}
    if not own and not _stays(column):
        return {}
    spec = column.parse_example_spec
    return {key: spec[key] for key in spec if key in own or _stays(column)}


def _inputs(column: Any) -> Iterator[ColumnInput]:
    for key, spec in _specs(column).items():
        dtypes = raw_inputs.readable_dtypes(spec.dtype)
        if isinstance(column, tfc.CrossedColumn):
            dtypes = (tf.string, tf.int64)
        required = isinstance(spec, tf.io.FixedLenFeature) and spec.default_value is None
        yield ColumnInput(key, column.name, dtypes, required)


def _feature_name(column: Any, kind: Kind) -> str:
    if kind == "weights":
        return str(column.weight_feature_key)
    if isinstance(column, tfc.WeightedCategoricalColumn):
        return str(column.categorical_column.name)
    return str(column.name)


def _as_int64(ids: Any) -> Any:
    return ids if ids.dtype == tf.int64 else tf.cast(ids, tf.int64)


def _unique(items: Iterator[Any]) -> list[Any]:
    return list(dict.fromkeys(items))
