"""Nests of feature columns: whatever structure `feature_columns()` returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator.columns.tensorflow_columns import FeatureColumn

__all__ = ["flatten", "map_columns"]


def map_columns(nest: Any, function: Callable[[Any], Any]) -> Any:
    """Replaces every column of a nest of dicts, lists and tuples.

    Raises:
        ColumnError: naming the place of anything else in it.
    """
    return _map(nest, "", lambda _, column: function(column))


def flatten(nest: Any) -> list[tuple[str, Any]]:
    """The columns of a nest with their places, such as `("dnn/0", column)`.

    Raises:
        ColumnError: naming the place of anything that is not a column, or if there is
            no column at all.
    """
    found: list[tuple[str, Any]] = []
    _map(nest, "", lambda place, column: found.append((place, column)))
    if not found:
        raise ColumnError(
            f"feature_columns() returned {nest!r}",
            expected="at least one feature column",
            fix="return a list, or a dict of lists, of columns",
        )
    return found


def _map(nest: Any, place: str, function: Callable[[str, Any], Any]) -> Any:
    # Columns are named tuples, so they are looked for first.
    if isinstance(nest, FeatureColumn):
        return function(place, nest)
    if isinstance(nest, dict):
        return {key: _map(value, _join(place, key), function) for key, value in nest.items()}
    if isinstance(nest, (list, tuple)):
        parts = [_map(value, _join(place, i), function) for i, value in enumerate(nest)]
        return parts if isinstance(nest, list) else tuple(parts)
    raise ColumnError(
        f"feature_columns() returned {type(nest).__name__} {nest!r} at {place or 'its top'}",
        expected="feature columns in lists, tuples and dicts",
        fix="make columns with tf.feature_column or tfx_estimators.estimator.columns",
    )


def _join(place: str, key: object) -> str:
    return f"{place}/{key}" if place else str(key)
