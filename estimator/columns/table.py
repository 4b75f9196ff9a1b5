"""The table of column kinds: what each class of columns reads, computes and becomes.

To add a kind, write a `ColumnKind` and its line in the table. The table is built when this
module is imported, and is refused if a class of TensorFlow's or of `learned` is not in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator.columns import learned as learned_columns
from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns import transformed
from tfx_estimators.estimator.columns.column_kind import (
    UNKNOWN,
    ColumnKind,
    Learned,
    ModelSide,
    RowMeanings,
)
from tfx_estimators.estimator.columns.description import describe
from tfx_estimators.estimator.columns.learned import (
    LearnedVocabularyColumn,
    QuantileBucketizedColumn,
    ScaledNumericColumn,
)

__all__ = ["KINDS", "Kinds", "kind_of", "other_rows"]

# The rule for every class that has no line of its own is not for classes of these.
_PACKAGES = ("tensorflow", "tfx_estimators")


class Kinds:
    """A table of column kinds, looked up by a column's class.

    A column is of the kind of the nearest class that it inherits from: a subclass of a
    numeric column is a numeric column, and the line of `FeatureColumn` is the rule for
    every class that has no other.

    Args:
        entries: class -> its kind.

    Attributes:
        entries: those, and the classes that were registered.

    Raises:
        ColumnError: if a class of TensorFlow's or ours has no line of its own.
    """

    def __init__(self, entries: Mapping[type, ColumnKind]) -> None:
        self.entries = dict(entries)
        required = [tfc.FeatureColumn, *tfc.column_classes(), *tfc.column_classes(learned_columns)]
        missing = [column_class for column_class in required if column_class not in entries]
        if missing:
            raise _forgotten(missing)

    def of(self, column: Any) -> ColumnKind:
        """The kind of a column.

        Raises:
            ColumnError: if TensorFlow's or our class is of no other kind than every class.
        """
        column_class = type(column)
        nearest = next(known for known in column_class.__mro__ if known in self.entries)
        package = column_class.__module__.partition(".")[0]
        if nearest is tfc.FeatureColumn and package in _PACKAGES:
            raise _forgotten([column_class])
        return self.entries[nearest]

    def register(self, column_class: type, kind: ColumnKind) -> None:
        """Adds the line of a class.

        Raises:
            ColumnError: if it has one.
        """
        if column_class in self.entries:
            raise ColumnError(
                f"{_full_name(column_class)} is in the table of column kinds already",
                expected="a column class of your own, registered once",
                fix="remove the registration, or register a subclass",
            )
        self.entries[column_class] = kind


class _Numeric(ColumnKind):
    computes = ("numbers",)

    def is_plain_number(self, column: Any) -> bool:
        return (
            type(column) is tfc.NumericColumn
            and column.normalizer_fn is None
            and tuple(column.shape) in ((), (1,))
        )

    def rewritten(self, column: Any, model: ModelSide) -> Any:
        feature = model.feature(column, "numbers")
        return transformed.numeric_column(column.name, feature, column.shape)

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return {
            "kind": "numbers",
            "size": int(np.prod(column.shape)),
            "normalizer": _named(column.normalizer_fn),
            "scaling": getattr(column, "scaling", None),
            "learned": dict(meanings.facts(column)),
        }


class _ScaledNumeric(_Numeric):
    def learns(self, column: Any) -> Hashable:
        return column


class _SequenceNumeric(ColumnKind):
    computes = ("sequence",)

    def rewritten(self, column: Any, model: ModelSide) -> Any:
        feature = model.feature(column, "sequence")
        return transformed.sequence_numeric_column(column.name, feature, column)

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return other_rows(column)


class _Bucketized(ColumnKind):
    computes = ("buckets",)

    def boundaries(self, column: Any, learned: Learned) -> tuple[float, ...]:
        return tuple(column.boundaries)

    def num_buckets(self, column: Any, learned: Learned) -> int:
        return (len(self.boundaries(column, learned)) + 1) * int(column.source_column.shape[0])

    def rewritten(self, column: Any, model: ModelSide) -> Any:
        feature = model.feature(column, "buckets")
        boundaries = self.boundaries(column, model)
        return transformed.bucketized_column(column.source_column, feature, boundaries)

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return {
            "kind": "buckets",
            "boundaries": [float(b) for b in self.boundaries(column, meanings)],
            "elements": int(np.prod(column.source_column.shape)),
            "source": meanings(column.source_column),
        }


class _QuantileBucketized(_Bucketized):
    def learns(self, column: Any) -> Hashable:
        return column

    def boundaries(self, column: Any, learned: Learned) -> tuple[float, ...]:
        return tuple(learned.fact(column, "boundaries"))


class _Categorical(ColumnKind):
    computes = ("ids",)

    def rewritten(self, column: Any, model: ModelSide) -> Any:
        feature = model.feature(column, "ids")
        return transformed.categorical_column(column.name, feature, model.num_buckets(column))


class _Identity(_Categorical):
    def ids_of(self, column: Any) -> str | None:
        return None if column.default_value is not None else "identity column"

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return {"kind": "ids", "size": int(column.num_buckets)}


class _Hashed(_Categorical):
    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        dtype = tf.as_dtype(column.dtype).name
        return {"kind": "hash", "size": int(column.hash_bucket_size), "dtype": dtype}


class _Crossed(_Categorical):
    # Parses its keys as strings, but crosses integers as well.
    as_they_come = (tf.string, tf.int64)

    def parents(self, column: Any) -> list[Any]:
        return tfc.leaf_keys(column)

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        keys = self.parents(column)
        return {
            "kind": "cross",
            "size": int(column.hash_bucket_size),
            "hash_key": column.hash_key,
            "keys": [key if isinstance(key, str) else meanings(key) for key in keys],
        }


class _VocabularyList(_Categorical):
    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        values = [str(value) for value in column.vocabulary_list]
        return _vocabulary_rows(column, len(values), None, values)


class _VocabularyFile(_Categorical):
    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return _vocabulary_rows(column, int(column.vocabulary_size), column.vocabulary_file, [])


class _LearnedVocabulary(_Categorical):
    learns_vocabulary = True

    def learns(self, column: Any) -> Hashable:
        # Columns that differ only in what they do with unseen values learn one vocabulary.
        return column.vocabulary

    def num_buckets(self, column: Any, learned: Learned) -> int:
        return int(learned.fact(column, "vocabulary_size")) + int(column.num_oov_buckets)

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        file = meanings.vocabulary(column)
        if file is None:
            return {"kind": UNKNOWN, "size": self.num_buckets(column, meanings)}
        count = int(meanings.fact(column, "vocabulary_size"))
        return _vocabulary_rows(column, count, file, [])


class _Weighted(ColumnKind):
    computes = ("ids", "weights")

    def numbered_by(self, column: Any) -> Any:
        return column.categorical_column

    def feature_name(self, column: Any, kind: str) -> str:
        weights = kind == "weights"
        return str(column.weight_feature_key if weights else column.categorical_column.name)

    def rewritten(self, column: Any, model: ModelSide) -> Any:
        categorical = column.categorical_column
        ids = transformed.categorical_column(
            categorical.name, model.feature(column, "ids"), model.num_buckets(categorical)
        )
        return transformed.weighted_column(column.name, ids, model.feature(column, "weights"))

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return meanings(column.categorical_column)


class _OneHot(ColumnKind):
    """Also a sequence of ids, which is only a form of them."""

    def inner(self, column: Any) -> Any:
        return column.categorical_column

    def rewritten(self, column: Any, model: ModelSide) -> Any:
        return type(column)(model.column(column.categorical_column))

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return meanings(column.categorical_column)


class _Embedding(ColumnKind):
    def inner(self, column: Any) -> Any:
        return column.categorical_column

    def rewritten(self, column: Any, model: ModelSide) -> Any:
        return column._replace(categorical_column=model.column(column.categorical_column))

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return meanings(column.categorical_column)

    def embedding(self, model: Any) -> tuple[str, Any]:
        return f"{model.name}/embedding_weights", model.initializer


class _SharedEmbedding(_Embedding):
    def rewritten(self, column: Any, model: ModelSide) -> Any:
        ids = model.column(column.categorical_column)
        original = column.shared_embedding_column_creator
        return column._replace(
            categorical_column=ids,
            shared_embedding_column_creator=model.shared_creator(original, ids.num_buckets),
        )

    def embedding(self, model: Any) -> tuple[str, Any]:
        return tfc.shared_embedding(model)


class _AsItIs(ColumnKind):
    stays = True

    def rewritten(self, column: Any, model: ModelSide) -> Any:
        return column

    def rows(self, column: Any, meanings: RowMeanings) -> dict[str, Any]:
        return other_rows(column)


def other_rows(column: Any) -> dict[str, Any]:
    """What rows stand for of which only the column is known."""
    if hasattr(column, "variable_shape"):
        size = column.variable_shape.num_elements()
    else:
        size = getattr(column, "num_buckets", np.prod(getattr(column, "shape", 0)))
    return {
        # Of a class of the user's own that is no named tuple nothing is known.
        "kind": "other" if hasattr(column, "_fields") else UNKNOWN,
        "column": describe(column),
        "size": int(size),
    }


def _vocabulary_rows(
    column: Any, entries: int, file: str | None, values: list[str]
) -> dict[str, Any]:
    return {
        "kind": "vocabulary",
        "entries": entries,
        "dtype": tf.as_dtype(column.dtype).name,
        "oov": int(column.num_oov_buckets),
        "file": file,
        "values": values,
    }


def _named(function: Any) -> str | None:
    if function is None:
        return None
    return f"{getattr(function, '__qualname__', type(function).__name__)}"


def _forgotten(column_classes: Sequence[type]) -> ColumnError:
    return ColumnError(
        f"no kind for {', '.join(map(_full_name, column_classes))}",
        expected="a line for every column class of TensorFlow and of tfx_estimators",
        fix="add it to the table in estimator/columns/table.py",
    )


def _full_name(column_class: type) -> str:
    return f"{column_class.__module__}.{column_class.__qualname__}"


_MOVES = "depends on the data alone, so it is computed once, not each epoch"
_LEARNS = "learns from the data in the analysis pass"
_TRAINED = "its weights are trained in the model"
_EXPANDS = "its expansion would only make the examples larger"
_UNREGISTERED = (
    "its class is not registered, and the rule for such classes is that the model evaluates "
    "the column as it is"
)

KINDS = Kinds(
    {
        tfc.NumericColumn: _Numeric(_MOVES),
        tfc.BucketizedColumn: _Bucketized(_MOVES),
        tfc.IdentityCategoricalColumn: _Identity(_MOVES),
        tfc.VocabularyListCategoricalColumn: _VocabularyList(_MOVES),
        tfc.VocabularyFileCategoricalColumn: _VocabularyFile(_MOVES),
        tfc.HashedCategoricalColumn: _Hashed(_MOVES),
        tfc.CrossedColumn: _Crossed(_MOVES),
        tfc.WeightedCategoricalColumn: _Weighted(_MOVES),
        tfc.SequenceNumericColumn: _SequenceNumeric(_MOVES),
        tfc.SequenceCategoricalColumn: _OneHot(_EXPANDS),
        tfc.IndicatorColumn: _OneHot(_EXPANDS),
        tfc.EmbeddingColumn: _Embedding(_TRAINED),
        tfc.SharedEmbeddingColumn: _SharedEmbedding(_TRAINED),
        LearnedVocabularyColumn: _LearnedVocabulary(_LEARNS),
        ScaledNumericColumn: _ScaledNumeric(_LEARNS),
        QuantileBucketizedColumn: _QuantileBucketized(_LEARNS),
        # The rule for every other class.
        tfc.FeatureColumn: _AsItIs(_UNREGISTERED),
    }
)


def kind_of(column: Any) -> ColumnKind:
    """The kind of a column."""
    return KINDS.of(column)
