"""What the table of column kinds says about one kind."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Hashable, Mapping
from typing import Any, ClassVar, Literal, Protocol

from tfx_estimators.estimator.columns.inputs import readable_dtypes

__all__ = [
    "UNKNOWN",
    "ColumnKind",
    "Kind",
    "Learned",
    "ModelSide",
    "RowMeanings",
    "TransformedFeature",
]

UNKNOWN = "unknown"
"""The kind of rows that may stand for anything."""

Kind = Literal["ids", "weights", "numbers", "buckets", "sequence", "raw"]


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


class Learned(Protocol):
    """What columns have learned from the data."""

    def fact(self, column: Any, fact: str) -> Any:
        """A fact by its name, such as "vocabulary_size".

        Raises:
            ColumnError: if it is not there.
        """


class ModelSide(Learned, Protocol):
    """What a kind needs to rewrite a column for the model."""

    def column(self, column: Any) -> Any:
        """A column inside it, rewritten."""

    def feature(self, column: Any, kind: Kind) -> str:
        """The name of the transformed feature that holds a column."""

    def num_buckets(self, column: Any) -> int:
        """The number of a categorical column's ids."""

    def shared_creator(self, original: Any, num_buckets: int) -> Any:
        """The creator of an embedding of `num_buckets` rows, one for each original."""


class RowMeanings(Learned, Protocol):
    """What a kind needs to describe what the rows of a column's weights stand for."""

    def __call__(self, column: Any) -> dict[str, Any]:
        """The description of a column inside it."""

    def facts(self, column: Any) -> Mapping[str, Any]:
        """All that a column has learned, but for the number of values."""

    def vocabulary(self, column: Any) -> str | None:
        """The file of the vocabulary that a column has learned, or None if unknown."""


class ColumnKind(abc.ABC):
    """How columns of one class are divided between Beam and the model.

    Args:
        why: the reason for that, as the report shows it.

    Attributes:
        computes: what Beam computes for such a column.
        stays: whether the model evaluates such a column as it is, from raw features.
        as_they_come: raw dtypes that it reads without a cast; empty for those of its
            `parse_example_spec`.
        learns_vocabulary: whether what it learns is a vocabulary.
    """

    computes: ClassVar[tuple[Kind, ...]] = ()
    stays: ClassVar[bool] = False
    as_they_come: ClassVar[tuple[Any, ...]] = ()
    learns_vocabulary: ClassVar[bool] = False

    def __init__(self, why: str) -> None:
        self.why = why

    @abc.abstractmethod
    def rewritten(self, column: Any, model: ModelSide) -> Any:
        """The column as the model evaluates it."""

    @abc.abstractmethod
    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        """What the rows of its weights stand for, see `rows.Rows`."""

    def inner(self, column: Any) -> Any | None:
        """The column whose values Beam computes in its place; None if it computes its own."""
        return None

    def parents(self, column: Any) -> list[Any]:
        """What it computes from: keys of raw features, and columns."""
        return list(column.parents)

    def dtypes(self, spec: Any) -> tuple[Any, ...]:
        """Raw dtypes that it can read where it parses a feature by `spec`."""
        return self.as_they_come or readable_dtypes(spec.dtype)

    def feature_name(self, column: Any, kind: Kind) -> str:
        """The name of a transformed feature, unless that is taken."""
        return str(column.name)

    def is_plain_number(self, column: Any) -> bool:
        """Whether it passes one raw number an example on as it came."""
        return False

    def shape(self, column: Any) -> tuple[int, ...]:
        """The shape of an example's "numbers"."""
        return tuple(column.variable_shape.as_list())

    def ids_of(self, column: Any) -> str | None:
        """What to call a column whose ids Beam must check; None if they are always in range."""
        return None

    def num_buckets(self, column: Any, learned: Learned) -> int:
        """The number of a categorical column's ids."""
        return int(column.num_buckets)

    def numbered_by(self, column: Any) -> Any:
        """The column that decides what its ids are."""
        return column

    def learns(self, column: Any) -> Hashable | None:
        """What it learns: columns of a kind for which this is equal learn it once."""
        return None

    def embedding(self, model: Any) -> tuple[str, Any] | None:
        """The variable of a rewritten column's embedding, and what new rows begin with."""
        return None
