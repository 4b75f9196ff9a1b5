"""Parquet files to batches of list columns, as tf.Examples hold them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from tfx_estimators.components.parquet import open_parquet, read_parquet
from tfx_estimators.errors import CorruptRecordError, FeatureDtypeError

__all__ = ["example_schema", "read_lists"]

_MOST_ROWS = 8192
_MOST_BYTES = 16 << 20


def example_schema(path: str) -> pa.Schema:
    """The columns of a file, with the types that they have in tf.Examples.

    Args:
        path: anywhere that Beam can read.

    Returns:
        a schema of `large_list`s of int64, float32 or large_binary.

    Raises:
        CorruptRecordError: if the file cannot be read.
        FeatureDtypeError: if a column's type has no place in a tf.Example.
    """
    with open_parquet(path) as file:
        fields = [(f.name, pa.large_list(_value_type(path, f))) for f in file.schema_arrow]
    return pa.schema(fields)


def read_lists(path: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Reads a file whose columns have to be those of the schema.

    Raises:
        CorruptRecordError: if the file cannot be read, or has other columns.
    """
    own = example_schema(path)
    if not own.equals(schema):
        raise CorruptRecordError(
            f"{path} has the columns {_described(own)}",
            expected=f"those of the split's first file: {_described(schema)}",
            fix="write the files of a split with the same columns and types",
        )
    return read_parquet(path, schema, _MOST_ROWS, _MOST_BYTES)


def _described(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type.value_type})" for field in schema)


def _value_type(path: str, field: Any) -> Any:
    kind = field.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return pa.int64()
    if pa.types.is_floating(kind):
        return pa.float32()
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    if any(test(kind) for test in (*texts, pa.types.is_large_binary)):
        return pa.large_binary()
    raise FeatureDtypeError(
        f"{path}: the column {field.name!r} holds {field.type}",
        expected="numbers, booleans, text, bytes, or lists of them",
        fix="convert the column, such as a time to seconds or to text, and write the file again",
    )
