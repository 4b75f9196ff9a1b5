"""The compile step: which part of a column runs on Beam, and which in the model.

Whatever depends on the data, or would be repeated each epoch, moves: parsing with
defaults, normalizing, bucketizing, hashing, look-ups, crossing. What is trained, or
would only make the examples larger, stays: embeddings, one-hot encodings, weights.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import tensorflow as tf

from tfx_estimators.errors import ColumnError, TfxEstimatorsError
from tfx_estimators.estimator.columns.analysis import Analyzers, TransformState
from tfx_estimators.estimator.columns.evaluation import Evaluation
from tfx_estimators.estimator.columns.kinds import (
    Kind,
    TransformedFeature,
    column_inputs,
    computed_features,
    feature_name,
    stays_in_model,
    walk,
)
from tfx_estimators.estimator.columns.nests import flatten, map_columns
from tfx_estimators.estimator.columns.rewriting import Rewriting
from tfx_estimators.estimator.columns.table import kind_of

__all__ = ["ColumnPlan", "Facts", "compile_columns"]

Facts = Mapping[str, Mapping[str, Any]]
"""What was learned: name of the column -> fact -> number or list of numbers."""


def compile_columns(columns: Any, reserved: Collection[str] = ()) -> ColumnPlan:
    """Divides columns between Beam and the model.

    Args:
        columns: a feature column, or a nest of dicts, lists and tuples of them; or a
            function that returns it, which is called in a graph of its own, as
            `shared_embeddings` needs.
        reserved: names that no transformed feature of a column may have.

    Returns:
        the plan. It depends on the arguments alone, so that compiling the same columns
        in another process gives the same one.

    Raises:
        ColumnError: if there is something else in the nest, or no column; or if the
            function fails, as it does where TensorFlow refuses a column's arguments.
    """
    if callable(columns):
        columns = _called(columns)
    return ColumnPlan(columns, reserved)


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
        reserved: names that are taken.

    Attributes:
        columns: that nest.
        features: the features that the transform writes, one a computed column.
        inputs: every raw feature that a column reads.
    """

    def __init__(self, columns: Any, reserved: Collection[str] = ()) -> None:
        self.columns = columns
        top = [column for _, column in flatten(columns)]
        every = _unique(part for column in top for part in walk(column))
        self._names = _Names()
        for name in reserved:
            self._names.reserve(name)
        self._features: dict[tuple[Any, Kind], TransformedFeature] = {}
        stay = [column for column in every if stays_in_model(column)]
        # A column that stays in the model looks for raw features by their own names.
        for column in stay:
            for key in column.parse_example_spec:
                self._features[key, "raw"] = TransformedFeature(
                    self._names.reserve(key), "raw", column
                )
        for column in top:
            for kind, computed in computed_features(column):
                if (computed, kind) not in self._features:
                    name = self._names.take(feature_name(computed, kind))
                    feature = TransformedFeature(name, kind, computed)
                    self._features[computed, kind] = feature
        self.features = tuple(self._features.values())
        self._learned = self._name_learned(every)
        self.inputs = tuple(_unique(i for column in every for i in column_inputs(column)))

    @property
    def vocabularies(self) -> list[str]:
        """Names under which columns learn a vocabulary."""
        learned = self._learned.items()
        return list(dict.fromkeys(n for c, n in learned if kind_of(c).learns_vocabulary))

    @property
    def unlimited_vocabularies(self) -> dict[str, str]:
        """Raw feature -> name under which a column learns a vocabulary of all its values."""
        return {
            column.key: name
            for column, name in self._learned.items()
            if kind_of(column).learns_vocabulary
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
        evaluation = Evaluation(raw, TransformState(analyzers, self._learned))
        return {feature.name: evaluation.feature(feature) for feature in self.features}

    def model_columns(self, facts: Facts) -> Any:
        """The nest with every column rewritten over the transformed features.

        Args:
            facts: what the analysis recorded.

        Raises:
            ColumnError: if a learned column's facts are missing.
        """
        rewriting = Rewriting(self.feature, functools.partial(self.fact, facts))
        return map_columns(self.columns, rewriting.column)

    def feature(self, column: Any, kind: Kind) -> str:
        """Name of the transformed feature that holds `column`."""
        return self._features[column, kind].name

    def feature_names(self, column: Any) -> list[str]:
        """Names of all transformed features that hold or feed `column`."""
        if self.is_kept(column):
            return [self._features[key, "raw"].name for key in column.parse_example_spec]
        return [self.feature(computed, kind) for kind, computed in computed_features(column)]

    def is_kept(self, column: Any) -> bool:
        """Whether the column is evaluated in the model as it is."""
        return stays_in_model(column)

    def parts(self, column: Any) -> list[Any]:
        """The column and all columns inside it."""
        return list(walk(column))

    def learned_name(self, column: Any) -> str:
        """The name under which a column learns."""
        return self._learned[column]

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
        learned: dict[Any, str] = {}
        by_what: dict[Any, str] = {}
        for column in every:
            kind = kind_of(column)
            what = kind.learns(column)
            if what is not None:
                if (kind, what) not in by_what:
                    by_what[kind, what] = names.take(column.name)
                learned[column] = by_what[kind, what]
        return learned


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


def _unique(items: Iterator[Any]) -> list[Any]:
    return list(dict.fromkeys(items))
