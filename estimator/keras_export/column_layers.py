"""Feature columns as layers of Keras.

Each categorical column becomes numbers of rows: 0 stands for a missing value, which the model is
given as "" or -1, and the others for the rows of the column's weights, which Keras may have in
another order. A missing number is NaN where the column has a default.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tfx_estimators.errors import KerasConversionError
from tfx_estimators.estimator.columns import learned
from tfx_estimators.estimator.columns import tensorflow_columns as tfc

__all__ = ["ColumnLayers", "IdRows", "LearnedValues"]

_MISSING_TEXT, _MISSING_INTEGER = "", -1
_UNKNOWN_INTEGER = -2  # Keras wants one that is not the missing value.
_PROBES = np.array([-3.0, -1.0, 0.0, 0.5, 2.0, 7.0], np.float32)


class LearnedValues(Protocol):
    """What columns have learned."""

    def original(self, column: Any) -> Any:
        """The column over raw features that a column of the model stands for; else itself."""

    def fact(self, column: Any, fact: str) -> Any:
        """A number, or a list of numbers."""

    def vocabulary(self, column: Any) -> list[bytes]:
        """The values, in their order."""

    def is_integer(self, feature: str) -> bool:
        """Whether a raw feature holds whole numbers, where a column does not say."""


@dataclasses.dataclass(frozen=True)
class IdRows:
    """A categorical column.

    Attributes:
        ids: int tensor [batch, values]; 0 is a missing value.
        order: the row of the column's weights that each id stands for, from id 1 on; -1 for
            none, which is what an unknown value without a bucket of its own has.
        count: how many rows the column's weights have.
    """

    ids: Any
    order: Sequence[int]
    count: int

    @property
    def size(self) -> int:
        """How many ids there are."""
        return len(self.order) + 1

    def moved(self, weights: Any) -> Any:
        """Weights by row [count, ...] as weights by id [size, ...]."""
        moved = np.zeros((self.size, *weights.shape[1:]), weights.dtype)
        for id_, row in enumerate(self.order, 1):
            if row >= 0:
                moved[id_] = weights[row]
        return moved

    def is_value(self) -> Any:
        """Float tensor [batch, values]: 1 where an id stands for a row, else 0."""
        from keras import ops

        # Unknown values come first, as Keras numbers them.
        first = 1 + next(at for at, row in enumerate(self.order) if row >= 0)
        return ops.cast(ops.greater_equal(self.ids, first), "float32")


class ColumnLayers:
    """Makes a model's inputs, and its columns over them.

    Args:
        known: what columns have learned.

    Attributes:
        inputs: `keras.Input` by raw feature.
    """

    def __init__(self, known: LearnedValues) -> None:
        self._known = known
        self.inputs: dict[str, Any] = {}
        self._crossed: set[str] = set()
        self._rows: dict[Any, IdRows] = {}
        self._numbers: dict[Any, Any] = {}
        self._names: set[str] = set()

    def prepare(self, columns: Sequence[Any]) -> None:
        """Looks at all columns before any is made: a crossed feature has one value an example."""
        for column in columns:
            for part in self._parts(column):
                if type(part) is tfc.CrossedColumn:
                    keys = (getattr(leaf, "key", leaf) for leaf in tfc.leaf_keys(part))
                    self._crossed |= {key for key in keys if isinstance(key, str)}

    def name(self, what: str, of: str = "") -> str:
        """A name for a layer that no other one has, as Keras wants them."""
        name = wanted = re.sub(r"\W+", "_", f"{what}_{of}" if of else what)
        number = 1
        while name in self._names:
            number += 1
            name = f"{wanted}_{number}"
        self._names.add(name)
        return name

    def categorical(self, column: Any) -> IdRows | None:
        """The column's rows; None if it is none of values.

        Raises:
            KerasConversionError: if Keras has no such column.
        """
        column = self._known.original(column)
        make = self._categorical().get(type(column))
        if make is not None and column not in self._rows:
            self._rows[column] = make(column)
        return self._rows.get(column)

    def embedded(self, column: Any) -> tuple[IdRows, int, str] | None:
        """The rows, dimension and combiner of an embedding; None if it is none.

        Raises:
            KerasConversionError: if Keras has no such column.
        """
        column = self._known.original(column)
        if type(column) is not tfc.EmbeddingColumn:
            return None
        if column.max_norm is not None:
            raise _refused(column, "it has a max_norm")
        return self._inside(column), int(column.dimension), str(column.combiner)

    def indicated(self, column: Any) -> IdRows | None:
        """The rows of an indicator, or of buckets, which are one without saying so; else None.

        Raises:
            KerasConversionError: if Keras has no such column.
        """
        column = self._known.original(column)
        if type(column) is tfc.IndicatorColumn:
            return self._inside(column)
        if type(column) in (tfc.BucketizedColumn, learned.QuantileBucketizedColumn):
            return self.categorical(column)
        return None

    def numeric(self, column: Any) -> Any:
        """Float tensor [batch, numbers].

        Raises:
            KerasConversionError: if Keras has no such column.
        """
        column = self._known.original(column)
        if column not in self._numbers:
            self._numbers[column] = self._made_numeric(column)
        return self._numbers[column]

    def _made_numeric(self, column: Any) -> Any:
        import keras
        from keras import ops

        if type(column) not in (tfc.NumericColumn, learned.ScaledNumericColumn):
            raise _refused(column, "Keras has no layer for it")
        values = self._input(column.key, "float32", (int(np.prod(column.shape)),))
        if column.default_value is not None:
            defaults = np.broadcast_to(column.default_value, column.shape).reshape(-1).tolist()
            values = ops.where(ops.isnan(values), ops.convert_to_tensor([defaults]), values)
        scale, offset = self._scaling(column)
        if (scale, offset) == (1.0, 0.0):
            return values
        return keras.layers.Rescaling(scale, offset, name=self.name("scaled", column.name))(values)

    def _scaling(self, column: Any) -> tuple[float, float]:
        if type(column) is learned.ScaledNumericColumn:
            if column.scaling == "z_score":
                begin, span = "mean", float(self._known.fact(column, "variance")) ** 0.5
                low = float(self._known.fact(column, begin))
            else:
                low = float(self._known.fact(column, "minimum"))
                span = float(self._known.fact(column, "maximum")) - low
            return (1 / span, -low / span) if span else (0.0, 0.0)
        if column.normalizer_fn is None:
            return 1.0, 0.0
        return _straight_line(column)

    def _inside(self, column: Any) -> IdRows:
        inner = column.categorical_column
        rows = self.categorical(inner)
        if rows is None:
            raise _refused(self._known.original(inner), "Keras has no layer for it")
        return rows

    def _parts(self, column: Any) -> list[Any]:
        column = self._known.original(column)
        inner = getattr(column, "categorical_column", None)
        return [column, *([] if inner is None else self._parts(inner))]

    def _categorical(self) -> Mapping[type, Callable[[Any], IdRows]]:
        return {
            tfc.VocabularyListCategoricalColumn: self._listed,
            tfc.VocabularyFileCategoricalColumn: self._filed,
            learned.LearnedVocabularyColumn: self._learned,
            tfc.HashedCategoricalColumn: self._hashed,
            tfc.IdentityCategoricalColumn: self._identity,
            tfc.BucketizedColumn: self._bucketized,
            learned.QuantileBucketizedColumn: self._bucketized,
            tfc.CrossedColumn: self._crossed_rows,
        }

    def _listed(self, column: Any) -> IdRows:
        return self._looked_up(column, list(column.vocabulary_list))

    def _filed(self, column: Any) -> IdRows:
        import tensorflow as tf

        with tf.io.gfile.GFile(column.vocabulary_file, "rb") as file:
            lines = file.read().split(b"\n")[: column.vocabulary_size]
        return self._looked_up(column, _texts(column, lines))

    def _learned(self, column: Any) -> IdRows:
        return self._looked_up(column, _texts(column, self._known.vocabulary(column)))

    def _looked_up(self, column: Any, values: list[Any]) -> IdRows:
        import keras

        buckets, default = int(column.num_oov_buckets), int(column.default_value)
        name = self.name("lookup", column.name)
        if column.dtype.is_integer:
            if buckets > 1:
                raise _refused(column, "Keras spreads unknown whole numbers in another way")
            values = [int(value) for value in values]
            if {_MISSING_INTEGER, _UNKNOWN_INTEGER} & set(values):
                raise _refused(column, "its vocabulary has -1 or -2, which Keras needs")
            layer = keras.layers.IntegerLookup(
                vocabulary=values, num_oov_indices=1, mask_token=_MISSING_INTEGER,
                oov_token=_UNKNOWN_INTEGER, name=name,
            )  # fmt: skip
            given = self._values(column.key, "int64")
        else:
            if _MISSING_TEXT in values:
                raise _refused(
                    column, "its vocabulary has the empty text, a missing value in Keras"
                )
            unknown = "[UNK]"
            while unknown in values:
                unknown += "_"
            layer = keras.layers.StringLookup(
                vocabulary=values, num_oov_indices=max(buckets, 1), mask_token=_MISSING_TEXT,
                oov_token=unknown, name=name,
            )  # fmt: skip
            given = self._values(column.key, "string")
        unknowns = [len(values) + at for at in range(buckets)] or [max(default, -1)]
        return IdRows(layer(given), [*unknowns, *range(len(values))], len(values) + buckets)

    def _hashed(self, column: Any) -> IdRows:
        import keras

        size, integer = int(column.hash_bucket_size), column.dtype.is_integer
        layer = keras.layers.Hashing(
            size + 1,
            mask_value=_MISSING_INTEGER if integer else _MISSING_TEXT,
            name=self.name("hash", column.name),
        )
        given = self._values(column.key, "int64" if integer else "string")
        return IdRows(layer(given), range(size), size)

    def _identity(self, column: Any) -> IdRows:
        from keras import ops

        size = int(column.num_buckets)
        given = self._values(column.key, "int64")
        is_known = ops.logical_and(ops.greater_equal(given, 0), ops.less(given, size))
        other = ops.zeros_like(given)
        if column.default_value is not None:
            other = ops.where(ops.equal(given, _MISSING_INTEGER), 0, int(column.default_value) + 1)
        return IdRows(ops.where(is_known, given + 1, other), range(size), size)

    def _bucketized(self, column: Any) -> IdRows:
        buckets, size, elements = self._buckets(column)
        first = [[1 + size * at for at in range(elements)]]
        return IdRows(buckets + np.array(first, np.int32), range(size * elements), size * elements)

    def _buckets(self, column: Any) -> tuple[Any, int, int]:
        import keras

        source = column.source_column
        if type(column) is learned.QuantileBucketizedColumn:
            boundaries = [float(one) for one in self._known.fact(column, "boundaries")]
            size = int(column.num_buckets)
        else:
            boundaries = [float(one) for one in column.boundaries]
            size = len(boundaries) + 1
        layer = keras.layers.Discretization(boundaries, name=self.name("buckets", column.name))
        return layer(self.numeric(source)), size, int(np.prod(source.shape))

    def _crossed_rows(self, column: Any) -> IdRows:
        import keras
        from keras import ops

        leaves = tfc.leaf_keys(column)
        if column.hash_key is not None:
            raise _refused(column, "it has a hash_key")
        if len(leaves) != 2:
            raise _refused(column, "Keras crosses two features")
        parts = [self._crossed_part(column, leaf) for leaf in leaves]
        size = int(column.hash_bucket_size)
        layer = keras.layers.HashedCrossing(size, name=self.name("cross", column.name))
        ids = layer(tuple(values for values, _ in parts)) + 1
        # Without a value of one there is no cross.
        return IdRows(ids * ops.multiply(*(there for _, there in parts)), range(size), size)

    def _crossed_part(self, column: Any, leaf: Any) -> tuple[Any, Any]:
        """Values [batch, 1] that are crossed, and where there are any, int64."""
        import keras
        from keras import ops

        if isinstance(leaf, str):
            integer = self._known.is_integer(leaf)
            values = self._values(leaf, "int64" if integer else "string")
            layer = keras.layers.Hashing(
                2,
                mask_value=_MISSING_INTEGER if integer else _MISSING_TEXT,
                name=self.name(f"has_{leaf}_for", column.name),
            )
            return values, layer(values)
        rows = self.categorical(leaf)
        if rows is None or list(rows.order) != list(range(rows.count)) or rows.ids.shape[1] != 1:
            raise _refused(column, f"it crosses a {type(self._known.original(leaf)).__name__}")
        ids = ops.cast(rows.ids, "int64")
        return ids - 1, ops.cast(ops.greater(ids, 0), "int64")

    def _values(self, key: str, dtype: str) -> Any:
        return self._input(key, dtype, (1,) if key in self._crossed else (None,))

    def _input(self, key: str, dtype: str, shape: tuple[int | None, ...]) -> Any:
        import keras

        if key not in self.inputs:
            self.inputs[key] = keras.Input(shape, name=self.name(key), dtype=dtype)
        found = self.inputs[key]
        if found.dtype != dtype or tuple(found.shape[1:]) != shape:
            raise KerasConversionError(
                f"the feature {key!r} is read in two ways: as {found.dtype} "
                f"{tuple(found.shape[1:])} and as {dtype} {shape}",
                expected="columns that read a feature in one way",
                fix="give one of the columns a copy of the feature",
            )
        return found


def _texts(column: Any, values: Sequence[bytes]) -> list[str]:
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError as error:
        raise _refused(column, "its vocabulary has bytes that are no text") from error


def _straight_line(column: Any) -> tuple[float, float]:
    """Scale and offset of a `normalizer_fn` that is a straight line.

    Raises:
        KerasConversionError: if it is none, or cannot be called with numbers.
    """
    import tensorflow as tf

    try:
        found = np.asarray(column.normalizer_fn(tf.constant(_PROBES[:, np.newaxis])))[:, 0]
    except Exception as error:
        raise _refused(column, f"its normalizer_fn cannot be called: {error}") from error
    offset = float(found[2])
    scale = float(found[4] - offset) / 2
    if not np.allclose(found, scale * _PROBES + offset, rtol=1e-5, atol=1e-6):
        raise _refused(column, "its normalizer_fn is not a scale and an offset")
    return scale, offset


def _refused(column: Any, why: str) -> KerasConversionError:
    return KerasConversionError(
        f"the column {column.name!r} ({type(column).__name__}) cannot be converted: {why}",
        expected="numeric (with a normalizer_fn that is a scale and an offset), bucketized, "
        "vocabulary, hashed, identity and crossed columns, those that learn, and embeddings and "
        "indicators of them",
        fix="export an estimator without the column, or prepare its feature before the model",
    )
