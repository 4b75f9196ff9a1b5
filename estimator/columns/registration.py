"""Column classes of a user's own, computed on Beam."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns import transformed
from tfx_estimators.estimator.columns.column_kind import ColumnKind, ModelSide, RowMeanings
from tfx_estimators.estimator.columns.table import KINDS, other_rows

__all__ = ["register_column"]

Class = TypeVar("Class", bound=type)

_WHY = "is registered as computed on Beam, so it is computed once, not each epoch"


class _RegisteredNumbers(ColumnKind):
    computes = ("numbers",)

    def rewritten(self, column: Any, model: ModelSide) -> Any:
        feature = model.feature(column, "numbers")
        return transformed.numeric_column(column.name, feature, self.shape(column))

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return other_rows(column)


class _RegisteredIds(ColumnKind):
    computes = ("ids",)

    def ids_of(self, column: Any) -> str:
        return "registered column"

    def rewritten(self, column: Any, model: ModelSide) -> Any:
        feature = model.feature(column, "ids")
        return transformed.categorical_column(column.name, feature, model.num_buckets(column))

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return other_rows(column)


_KINDS: dict[str, tuple[type[ColumnKind], tuple[str, ...]]] = {
    "numbers": (_RegisteredNumbers, ("get_dense_tensor", "variable_shape")),
    "ids": (_RegisteredIds, ("get_sparse_tensors", "num_buckets")),
}


def register_column(computes: Literal["numbers", "ids"]) -> Callable[[Class], Class]:
    """A decorator: columns of the class are computed on Beam, and the model reads the result.

    Put it on the class in the module that defines `feature_columns()`, or in one that it
    imports: every step loads that module.

    Args:
        computes: "numbers" for a dense column: Beam computes `get_dense_tensor`, float32,
            `[batch] + variable_shape`. "ids" for a categorical column: Beam computes the ids
            of `get_sparse_tensors`, from 0 to `num_buckets - 1`, or -1 for a missing value,
            without weights.

    Returns:
        the decorator. It returns the class as it is.

    Raises:
        ColumnError: for another word; if the class is no column class, is no named tuple,
            lacks a method that is called, or is in the table of column kinds already.
    """
    if computes not in _KINDS:
        raise ColumnError(
            f"register_column({computes!r})",
            expected=" or ".join(map(repr, _KINDS)),
            fix="say what a column of the class computes",
        )
    kind, members = _KINDS[computes]

    def register(column_class: Class) -> Class:
        is_class = inspect.isclass(column_class) and issubclass(column_class, tfc.FeatureColumn)
        if not is_class or not hasattr(column_class, "_fields"):
            raise ColumnError(
                f"register_column: {column_class!r} is not a column class that is a named tuple",
                # Steps compare columns by their fields: others would be taken for equal.
                expected="a subclass of TensorFlow's FeatureColumn whose arguments are the "
                "fields of a collections.namedtuple, as TensorFlow's own are",
                fix="derive the class from a named tuple of its arguments first",
            )
        # A named tuple of an abstract class can be made, unlike other objects.
        abstract: frozenset[str] = getattr(column_class, "__abstractmethods__", frozenset())
        absent = {member for member in members if not hasattr(column_class, member)}
        lacking = sorted(absent | abstract)
        if lacking:
            raise ColumnError(
                f"register_column({computes!r}): {column_class.__name__} has no "
                f"{' and no '.join(lacking)}",
                expected=f"a column class that is complete, with {' and '.join(members)}",
                fix="define them, or register the class for what it computes",
            )
        KINDS.register(column_class, kind(_WHY))
        return column_class

    return register
