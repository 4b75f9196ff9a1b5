"""The rows of a file, as they are and as the model takes them."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from tfx_estimators.errors import FeatureDtypeError, FeatureNotFoundError
from tfx_estimators.pipelines.prediction.feature_types import FeatureType
from tfx_estimators.pipelines.project.data_file import Format, find_format

__all__ = ["read_rows"]

_BATCH = 4096
_LISTS = {
    FeatureType.INTEGER: pa.large_list(pa.int64()),
    FeatureType.NUMBER: pa.large_list(pa.float32()),
    FeatureType.TEXT: pa.large_list(pa.large_binary()),
}
_EXPECTED = {
    FeatureType.INTEGER: "a whole number",
    FeatureType.NUMBER: "a number",
    FeatureType.TEXT: "text",
}


def read_rows(
    path: pathlib.Path, features: Mapping[str, FeatureType]
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Reads a CSV, Parquet or TFRecord file in its order.

    Args:
        path: the file.
        features: what the model reads.

    Yields:
        some rows with the file's columns, and the same rows with the model's features, each
        a list column. A missing value is an empty list, as a server would have it.

    Raises:
        DataError: if the format cannot be told from the name.
        CorruptRecordError: if the file cannot be read.
        FeatureNotFoundError: if it lacks features, with all their names.
        FeatureDtypeError: if a value is not of its feature's type, with row and column.
    """
    readers = {
        Format.CSV: _csv_batches,
        Format.PARQUET: _parquet_batches,
        Format.TF_EXAMPLES: _example_batches,
    }
    begin, form = 0, find_format(path)
    for batch in readers[form](path):
        _check_names(path, batch.schema.names, features)
        columns = [
            _as_feature(
                batch.column(batch.schema.get_field_index(name)),
                kind,
                name,
                begin,
                form is Format.CSV,
            )
            for name, kind in features.items()
        ]
        yield batch, pa.RecordBatch.from_arrays(columns, list(features))
        begin += batch.num_rows


def _check_names(path: pathlib.Path, names: list[str], features: Mapping[str, FeatureType]) -> None:
    missing = [name for name in features if name not in names]
    if missing:
        raise FeatureNotFoundError(
            f"{path} lacks {len(missing)} columns that the model reads: "
            f"{', '.join(map(repr, missing))}",
            expected="the columns of the training data; the label is not needed",
            fix=f"add or rename columns; the file has {', '.join(map(repr, names))}",
        )


def _csv_batches(path: pathlib.Path) -> Iterator[pa.RecordBatch]:
    from tfx_estimators.components.example_gen.csv_files import read_cells, read_header

    names = read_header(str(path))
    for batch in read_cells(str(path), names):
        for start in range(0, batch.num_rows, _BATCH):
            yield batch.slice(start, _BATCH)


def _parquet_batches(path: pathlib.Path) -> Iterator[pa.RecordBatch]:
    from tfx_estimators.components.parquet import open_parquet

    with open_parquet(str(path)) as file:
        yield from file.iter_batches(_BATCH)


def _example_batches(path: pathlib.Path) -> Iterator[pa.RecordBatch]:
    from tfx_estimators.components.example_columns import as_columns, common_forms, find_forms
    from tfx_estimators.pipelines.project.data_file import read_examples

    batches = read_examples(path).to_batches(_BATCH)
    forms = common_forms(map(find_forms, batches))
    for batch in batches:
        yield as_columns(batch, forms)


def _as_feature(column: Any, kind: FeatureType, name: str, begin: int, is_csv: bool) -> Any:
    read = _READERS[kind]
    converted = []
    for number, cell in enumerate(column.to_pylist(), begin + 1):
        # An empty cell of a CSV file is a missing value, as in training.
        missing = cell is None or (is_csv and cell == "")
        values = [] if missing else cell if isinstance(cell, list) else [cell]
        try:
            converted.append([read(value) for value in values])
        except (ValueError, TypeError) as error:
            raise FeatureDtypeError(
                f"row {number}, column {name!r} is {cell!r}",
                expected=_EXPECTED[kind],
                fix="correct the row, or leave the value out",
            ) from error
    return pa.array(converted, _LISTS[kind])


def _integer(value: Any) -> int:
    """A whole number; also "3.0", as files have it where other rows have gaps.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    if not math.isfinite(value) or value != int(value):
        raise ValueError(value)
    return int(value)


def _text(value: Any) -> bytes:
    """A text, of a file whose column is one: a number could be written in several ways.

    Raises:
        TypeError: if it is none.
    """
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TypeError(value)
    return value.encode()


_READERS: dict[FeatureType, Callable[[Any], Any]] = {
    FeatureType.INTEGER: _integer,
    FeatureType.NUMBER: float,
    FeatureType.TEXT: _text,
}
