"""Feature columns written anew over the features that the transform wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns.column_kind import Kind
from tfx_estimators.estimator.columns.table import kind_of

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
        return kind_of(column).rewritten(column, self)

    def feature(self, column: Any, kind: Kind) -> str:
        """The name of the transformed feature that holds a column."""
        return self._feature(column, kind)

    def fact(self, column: Any, fact: str) -> Any:
        """What a column has learned, by the fact's name."""
        return self._fact(column, fact)

    def num_buckets(self, column: Any) -> int:
        """The number of a categorical column's ids."""
        return kind_of(column).num_buckets(column, self)

    def shared_creator(self, original: Any, num_buckets: int) -> Any:
        """The creator of a shared embedding of `num_buckets` rows, one for each original."""
        # Columns share one embedding because they share one creator.
        if id(original) not in self._creators:
            creator = tfc.resized_embedding_creator(original, num_buckets)
            self._creators[id(original)] = creator
        return self._creators[id(original)]
