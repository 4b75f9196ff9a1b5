"""What follows from a column's kind: what it reads, and what of it Beam computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns.column_kind import Kind, TransformedFeature
from tfx_estimators.estimator.columns.inputs import ColumnInput
from tfx_estimators.estimator.columns.table import kind_of

__all__ = [
    "Kind",
    "TransformedFeature",
    "children",
    "column_inputs",
    "computed_features",
    "feature_name",
    "is_plain_number",
    "own_specs",
    "stays_in_model",
    "walk",
]


def children(column: Any) -> list[Any]:
    """The columns that a column computes from."""
    parents = kind_of(column).parents(column)
    return [parent for parent in parents if isinstance(parent, tfc.FeatureColumn)]


def walk(column: Any) -> Iterator[Any]:
    """The column and all columns inside it, the innermost first."""
    for child in children(column):
        yield from walk(child)
    yield column


def computed_features(column: Any) -> Iterator[tuple[Kind, Any]]:
    """What Beam computes for a column."""
    kind = kind_of(column)
    inner = kind.inner(column)
    if inner is not None:
        yield from computed_features(inner)
    for computed in kind.computes:
        yield computed, column


def stays_in_model(column: Any) -> bool:
    """Whether the model evaluates a column as it is."""
    return kind_of(column).stays


def own_specs(column: Any) -> dict[str, Any]:
    """How a column parses the raw features that it reads itself."""
    kind = kind_of(column)
    if kind.stays:
        return dict(column.parse_example_spec)
    own = {key for key in kind.parents(column) if isinstance(key, str)}
    if not own:
        return {}
    return {key: spec for key, spec in column.parse_example_spec.items() if key in own}


def column_inputs(column: Any) -> Iterator[ColumnInput]:
    """The raw features that a column reads itself."""
    for key, spec in own_specs(column).items():
        dtypes = kind_of(column).dtypes(spec)
        fixed = isinstance(spec, tf.io.FixedLenFeature)
        has_default = fixed and spec.default_value is not None
        yield ColumnInput(key, column.name, dtypes, fixed and not has_default, has_default)


def feature_name(column: Any, kind: Kind) -> str:
    """How the transformed feature is called unless that is taken."""
    return kind_of(column).feature_name(column, kind)


def is_plain_number(feature: TransformedFeature) -> bool:
    """Whether a transformed feature is one raw number an example, as it came."""
    column = feature.column
    return feature.kind == "numbers" and kind_of(column).is_plain_number(column)
