"""A data file, read as the pipeline's ExampleGen will read it."""

from __future__ import annotations

import csv
import dataclasses
import enum
import itertools
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tfx_estimators.errors import CorruptRecordError, DataError, EmptySplitError

__all__ = ["Column", "DataFile", "Format", "ValueKind", "find_format", "read_data", "read_examples"]

_FEWEST_ROWS = 10
_BATCH = 4096
_SHOWN_LINES = 5
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


class Format(enum.Enum):
    """The formats of data files, each with the end of its files' names."""

    CSV = ".csv"
    PARQUET = ".parquet"
    TF_EXAMPLES = ".tfrecord"


class ValueKind(enum.Enum):
    """What a column's values are, as tf.Examples hold them."""

    NOTHING = "nothing"
    INTEGER = "whole numbers"
    NUMBER = "numbers"
    TEXT = "text"


@dataclasses.dataclass(frozen=True)
class Column:
    """A column's values.

    Attributes:
        name: as the file has it.
        kind: of the values.
        values: those that are there, in the file's order: int64, float64 or string.
        rows: how many rows the file has.
        missing: how many rows have no value.
        first_missing: number of the first of them, from 1; None if there is none.
        width: the number of values in every row that has any; None where it differs.
    """

    name: str
    kind: ValueKind
    values: Any
    rows: int
    missing: int
    first_missing: int | None
    width: int | None


@dataclasses.dataclass(frozen=True)
class DataFile:
    """A file with all its columns.

    Attributes:
        path: absolute.
        format: of the file.
        rows: how many there are.
        columns: in the file's order.
    """

    path: pathlib.Path
    format: Format
    rows: int
    columns: tuple[Column, ...]


def read_data(path: pathlib.Path) -> DataFile:
    """Reads a file.

    Raises:
        DataError: if it does not exist, its format is not known or it has too few rows.
        CorruptRecordError: if it cannot be read, with the lines.
        FeatureDtypeError: if a column's type has no place in a tf.Example.
    """
    if not path.is_file():
        raise DataError(
            f"{path} {'is a folder' if path.is_dir() else 'does not exist'}",
            expected="a CSV, Parquet or TFRecord file",
            fix="check the path",
        )
    path = path.resolve()
    kind = find_format(path)
    read = {
        Format.CSV: _read_csv,
        Format.PARQUET: _read_parquet,
        Format.TF_EXAMPLES: _read_examples,
    }[kind]
    columns = tuple(read(path))
    rows = columns[0].rows if columns else 0
    if rows < _FEWEST_ROWS:
        raise EmptySplitError(
            f"{path} has {rows} rows",
            expected=f"at least {_FEWEST_ROWS}, to train on some and evaluate on others",
            fix="add rows",
        )
    return DataFile(path, kind, rows, columns)


def find_format(path: pathlib.Path) -> Format:
    """The format that a file's name says.

    Raises:
        DataError: if it says none.
    """
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".csv"):
        return Format.CSV
    if name.endswith((".parquet", ".pq")):
        return Format.PARQUET
    if "tfrecord" in name:
        return Format.TF_EXAMPLES
    raise DataError(
        f"{path.name}: the format cannot be told from the name",
        expected="a name that ends in .csv, .parquet or .tfrecord, or in one of these and .gz",
        fix="rename the file, or convert it",
    )


def _read_csv(path: pathlib.Path) -> Iterator[Column]:
    from tfx_estimators.components.example_gen.column_types import (
        ColumnType,
        infer_type,
        to_lists,
    )
    from tfx_estimators.components.example_gen.csv_files import read_cells, read_header

    names = read_header(str(path))
    _check_separator(path, names)
    try:
        batches = list(read_cells(str(path), names))
    except CorruptRecordError as error:
        raise _all_torn(path, len(names)) or error from error
    for place, name in enumerate(names):
        cells = [batch.column(place) for batch in batches]
        kind = max(map(infer_type, cells), default=ColumnType.UNKNOWN)
        yield _column(name, [to_lists(part, kind) for part in cells])


def _check_separator(path: pathlib.Path, names: list[str]) -> None:
    for separator, called in _OTHER_SEPARATORS.items():
        if len(names) == 1 and separator in names[0]:
            raise CorruptRecordError(
                f"{path}, line 1: the columns are separated by {called}",
                expected="commas",
                fix=f"python -c \"import pandas; pandas.read_csv('IN.csv', sep={separator!r})"
                ".to_csv('OUT.csv', index=False)\"",
            )


def _all_torn(path: pathlib.Path, width: int) -> CorruptRecordError | None:
    """Every line with too few or too many cells, not the first alone."""
    torn = []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = csv.reader(file)
        try:
            for row in rows:
                if row and len(row) != width:
                    torn.append(f"line {rows.line_num} has {len(row)} cells")
        except csv.Error:
            return None
    if not torn or path.name.endswith(".gz"):
        return None
    more = len(torn) - _SHOWN_LINES
    said = "; ".join(torn[:_SHOWN_LINES]) + (f"; and {more} more lines" if more > 0 else "")
    return CorruptRecordError(
        f"{path}: {said}",
        expected=f"{width} cells, as the header has",
        fix="correct or remove these lines",
    )


def _read_parquet(path: pathlib.Path) -> Iterator[Column]:
    from tfx_estimators.components.example_gen.parquet_files import example_schema, read_lists

    schema = example_schema(str(path))
    batches = list(read_lists(str(path), schema))
    for place, name in enumerate(schema.names):
        yield _column(name, [batch.column(place) for batch in batches])


def read_examples(path: pathlib.Path) -> pa.Table:
    """Reads a TFRecord file of tf.Examples.

    Returns:
        a column of lists for each feature, in the order of their names; a null where an
        example does not have it.

    Raises:
        CorruptRecordError: if it cannot be read.
    """
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    compression = "GZIP" if path.name.endswith(".gz") else ""
    decoder = ExamplesToRecordBatchDecoder()
    batches = []
    try:
        records = tf.data.TFRecordDataset(str(path), compression_type=compression)
        for some in _batched(records.as_numpy_iterator()):
            batches.append(decoder.DecodeBatch(some))
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise CorruptRecordError(
            f"{path} cannot be read: {str(error).splitlines()[0]}",
            expected="TFRecords of serialized tf.Examples",
            fix="write the file again; gzipped files need a name that ends in .gz",
        ) from error
    types: dict[str, Any] = {}
    for field in (field for batch in batches for field in batch.schema):
        # A feature without any value in a batch has no type there.
        if field.name not in types or pa.types.is_null(types[field.name]):
            types[field.name] = field.type
    columns = {
        name: pa.chunked_array([_column_of(batch, name, types[name]) for batch in batches])
        for name in sorted(types)
    }
    return pa.table(columns)


def _column_of(batch: pa.RecordBatch, name: str, kind: Any) -> Any:
    place = batch.schema.get_field_index(name)
    if place < 0 or pa.types.is_null(batch.schema.field(place).type):
        return pa.nulls(batch.num_rows, kind)
    return batch.column(place)


def _read_examples(path: pathlib.Path) -> Iterator[Column]:
    table = read_examples(path)
    for name in table.column_names:
        yield _column(name, table.column(name).chunks)


def _batched(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    records = iter(records)
    while some := list(itertools.islice(records, _BATCH)):
        yield some


def _column(name: str, parts: list[Any]) -> Column:
    """A column from batches of lists; a null, and a batch of type null, is missing."""
    lengths: list[int] = []
    values = []
    for part in parts:
        if pa.types.is_null(part.type):
            lengths += [0] * len(part)
            continue
        lengths += pc.fill_null(pc.list_value_length(part), 0).to_pylist()
        values.append(part.flatten())
    values = [part for part in values if len(part) and not pa.types.is_null(part.type)]
    there = {length for length in lengths if length}
    missing = lengths.count(0)
    kind, joined = _joined(values)
    return Column(
        name=name,
        kind=kind,
        values=joined,
        rows=len(lengths),
        missing=missing,
        first_missing=lengths.index(0) + 1 if missing else None,
        width=there.pop() if len(there) == 1 else None,
    )


def _joined(values: list[Any]) -> tuple[ValueKind, Any]:
    if not values:
        return ValueKind.NOTHING, pa.array([], pa.string())
    joined = pa.chunked_array(values)
    if pa.types.is_integer(joined.type):
        return ValueKind.INTEGER, joined.cast(pa.int64())
    if pa.types.is_floating(joined.type):
        return ValueKind.NUMBER, joined.cast(pa.float64())
    try:
        return ValueKind.TEXT, joined.cast(pa.large_string())
    except pa.ArrowInvalid:  # Bytes, such as images.
        return ValueKind.NOTHING, pa.array([], pa.string())
