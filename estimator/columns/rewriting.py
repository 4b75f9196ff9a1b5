"""Feature columns written anew over the features that the transform wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns import transformed
from tfx_estimators.estimator.columns.kinds import CATEGORICAL, Kind
from tfx_estimators.estimator.columns.learned import (
    LearnedVocabularyColumn,
    QuantileBucketizedColumn,
)

__all__ = ["Rewriting"]


class Rewriting:
    """Rewrites the columns of one plan, those inside them first.

    Args:
        feature: the name of the transformed feature that holds a column.
        fact: what a learned column has learned, by the fact's name.
    """

    def __init__(
        self, feature: Callable[[Any, Kind], str], fact: Callable[[Any, str], Any]
    ) -> None:
        self._feature = feature
        self._fact = fact
        self._creators: dict[int, Any] = {}

    def column(self, column: Any) -> Any:
        """The column as the model evaluates it; itself where nothing of it has moved."""
        if isinstance(column, tfc.SequenceCategoricalColumn | tfc.IndicatorColumn):
            return type(column)(self.column(column.categorical_column))
        if isinstance(column, tfc.EmbeddingColumn):
            return column._replace(categorical_column=self.column(column.categorical_column))
        if isinstance(column, tfc.SharedEmbeddingColumn):
            return self._shared_embedding(column)
        if isinstance(column, tfc.WeightedCategoricalColumn):
            ids = transformed.categorical_column(
                column.categorical_column.name,
                self._feature(column, "ids"),
                self._num_buckets(column.categorical_column),
            )
            feature = self._feature(column, "weights")
            return transformed.weighted_column(column.name, ids, feature)
        if isinstance(column, tfc.BucketizedColumn):
            return transformed.bucketized_column(
                column.source_column,
                self._feature(column, "buckets"),
                self._boundaries(column),
            )
        if isinstance(column, CATEGORICAL):
            feature = self._feature(column, "ids")
            return transformed.categorical_column(column.name, feature, self._num_buckets(column))
        if isinstance(column, tfc.NumericColumn):
            feature = self._feature(column, "numbers")
            return transformed.numeric_column(column.name, feature, column.shape)
        if isinstance(column, tfc.SequenceNumericColumn):
            feature = self._feature(column, "sequence")
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
            return tuple(self._fact(column, "boundaries"))
        return tuple(column.boundaries)

    def _num_buckets(self, column: Any) -> int:
        if isinstance(column, tfc.BucketizedColumn):
            return (len(self._boundaries(column)) + 1) * int(column.source_column.shape[0])
        if isinstance(column, LearnedVocabularyColumn):
            size = self._fact(column, "vocabulary_size")
            return int(size) + int(column.num_oov_buckets)
        return int(column.num_buckets)
