"""Parquet files as ExampleGen writes them: one column a feature, plain or of lists."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tfx_estimators.errors import CorruptRecordError, FeatureDtypeError, FeatureNotFoundError

__all__ = ["open_parquet", "read_parquet"]


@contextlib.contextmanager
def open_parquet(path: str) -> Iterator[Any]:
    """Opens a Parquet file anywhere that Beam can read.

    Args:
        path: the file.

    Yields:
        a `pyarrow.parquet.ParquetFile`.

    Raises:
        CorruptRecordError: naming the file, if it is none.
    """
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        try:
            yield pq.ParquetFile(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise CorruptRecordError(
                f"{path} cannot be read: {error}",
                expected="a complete Parquet file",
                fix="write the file again by re-running the example generator",
            ) from error


def read_parquet(
    path: str, schema: pa.Schema, most_rows: int, most_bytes: int
) -> Iterator[pa.RecordBatch]:
    """Reads some columns of a Parquet file as list columns.

    Args:
        path: the file.
        schema: the columns to read, of `large_list`s of int64, float32 or large_binary. A
            plain value becomes a list of one, a null stays one. Booleans become 0 and 1, and
            categories their values.
        most_rows: rows a batch.
        most_bytes: bytes a batch, uncompressed, about.

    Yields:
        `pyarrow.RecordBatch`es of the schema, in the file's order.

    Raises:
        CorruptRecordError: if the file cannot be read.
        FeatureNotFoundError: if it lacks a column.
        FeatureDtypeError: if a column has another kind of values.
    """
    with open_parquet(path) as file:
        missing = sorted(set(schema.names) - set(file.schema_arrow.names))
        if missing:
            raise FeatureNotFoundError(
                f"{path} has no column {', '.join(missing)}",
                expected=f"the features of the schema; it has {', '.join(file.schema_arrow.names)}",
                fix="infer the schema again from these examples",
            )
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        size = sum(group.total_byte_size for group in groups) / max(1, file.metadata.num_rows)
        rows = int(min(most_rows, max(1, most_bytes // max(1, size))))
        for batch in file.iter_batches(rows, columns=schema.names):
            by_name = dict(zip(batch.schema.names, batch.columns, strict=True))
            columns = [_as_lists(path, by_name[field.name], field) for field in schema]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _as_lists(path: str, column: Any, field: Any) -> Any:
    kind = column.type
    # Categories, as pandas writes them: an entry may be null where no index is.
    column = _decoded(column)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
        values = _decoded(column.flatten())
    else:
        lengths = column.is_valid().to_numpy(zero_copy_only=False)
        values = column.drop_null() if column.null_count else column
    wanted = field.type.value_type
    if not _is_alike(values.type, wanted) or values.null_count:
        raise FeatureDtypeError(
            f"{path}: the column {field.name!r} holds {kind}"
            + (", with nulls in lists" if values.null_count else ""),
            expected=f"{wanted}, or a list of it, as the schema says",
            fix="convert the column to numbers, strings or lists of them before it is imported, or "
            "correct the schema",
        )
    ends = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    nulls = np.append(column.is_null().to_numpy(zero_copy_only=False), False)
    offsets = pa.array(ends, pa.int64(), mask=nulls if nulls.any() else None)
    # As tf.Examples hold them: floats of 32 bits.
    return pa.LargeListArray.from_arrays(offsets, values.cast(wanted, safe=False))


def _decoded(values: Any) -> Any:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _is_alike(kind: Any, wanted: Any) -> bool:
    if pa.types.is_null(kind):
        return True  # Nothing but nulls, whatever they were meant to be.
    if wanted == pa.int64():
        # Booleans become 0 and 1.
        return bool(
            pa.types.is_boolean(kind) or (pa.types.is_integer(kind) and kind != pa.uint64())
        )
    if wanted == pa.float32():
        return bool(pa.types.is_floating(kind))
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
    )
