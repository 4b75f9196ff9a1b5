"""What kinds of columns there are: what each reads, and what of it runs on Beam."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Literal

import tensorflow as tf

from tfx_estimators.estimator.columns import inputs as raw_inputs
from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns.inputs import ColumnInput
from tfx_estimators.estimator.columns.learned import LearnedVocabularyColumn

__all__ = [
    "CATEGORICAL",
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

Kind = Literal["ids", "weights", "numbers", "buckets", "sequence", "raw"]

CATEGORICAL = (
    tfc.HashedCategoricalColumn,
    tfc.VocabularyFileCategoricalColumn,
    tfc.VocabularyListCategoricalColumn,
    tfc.IdentityCategoricalColumn,
    tfc.CrossedColumn,
    LearnedVocabularyColumn,
)

HELD_BY_MODEL = (
    tfc.EmbeddingColumn,
    tfc.SharedEmbeddingColumn,
    tfc.IndicatorColumn,
    tfc.SequenceCategoricalColumn,
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


def children(column: Any) -> list[Any]:
    """The columns that a column computes from."""
    parents = tfc.leaf_keys(column) if isinstance(column, tfc.CrossedColumn) else column.parents
    return [parent for parent in parents if isinstance(parent, tfc.FeatureColumn)]


def walk(column: Any) -> Iterator[Any]:
    """The column and all columns inside it, the innermost first."""
    for child in children(column):
        yield from walk(child)
    yield column


def computed_features(column: Any) -> Iterator[tuple[Kind, Any]]:
    """What Beam computes for a column."""
    if isinstance(column, tfc.WeightedCategoricalColumn):
        yield "ids", column
        yield "weights", column
    elif isinstance(column, tfc.BucketizedColumn):
        yield "buckets", column
    elif isinstance(column, CATEGORICAL):
        yield "ids", column
    elif isinstance(column, tfc.NumericColumn):
        yield "numbers", column
    elif isinstance(column, tfc.SequenceNumericColumn):
        yield "sequence", column
    elif isinstance(column, HELD_BY_MODEL):
        yield from computed_features(column.categorical_column)


def stays_in_model(column: Any) -> bool:
    """Whether a column's class is none of TensorFlow's or ours: it is not touched."""
    known = (
        *CATEGORICAL,
        *HELD_BY_MODEL,
        tfc.WeightedCategoricalColumn,
        tfc.BucketizedColumn,
        tfc.NumericColumn,
        tfc.SequenceNumericColumn,
    )
    return not isinstance(column, known)


def own_specs(column: Any) -> dict[str, Any]:
    """How a column parses the raw features that it reads itself."""
    keys = tfc.leaf_keys(column) if isinstance(column, tfc.CrossedColumn) else column.parents
    own = {key for key in keys if isinstance(key, str)}
    if not own and not stays_in_model(column):
        return {}
    spec = column.parse_example_spec
    return {key: spec[key] for key in spec if key in own or stays_in_model(column)}


def column_inputs(column: Any) -> Iterator[ColumnInput]:
    """The raw features that a column reads itself."""
    for key, spec in own_specs(column).items():
        dtypes = raw_inputs.readable_dtypes(spec.dtype)
        if isinstance(column, tfc.CrossedColumn):
            dtypes = (tf.string, tf.int64)
        fixed = isinstance(spec, tf.io.FixedLenFeature)
        has_default = fixed and spec.default_value is not None
        yield ColumnInput(key, column.name, dtypes, fixed and not has_default, has_default)


def feature_name(column: Any, kind: Kind) -> str:
    """How the transformed feature is called unless that is taken."""
    if kind == "weights":
        return str(column.weight_feature_key)
    if isinstance(column, tfc.WeightedCategoricalColumn):
        return str(column.categorical_column.name)
    return str(column.name)


def is_plain_number(feature: TransformedFeature) -> bool:
    """Whether a transformed feature is one raw number an example, as it came."""
    column = feature.column
    return (
        feature.kind == "numbers"
        and type(column) is tfc.NumericColumn
        and column.normalizer_fn is None
        and tuple(column.shape) in ((), (1,))
    )
