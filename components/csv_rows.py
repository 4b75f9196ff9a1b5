"""Rows of a table as CSV text."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa

from tfx_estimators.json_text import dumps

__all__ = ["csv_rows"]


def csv_rows(batch: pa.RecordBatch, *, with_header: bool) -> str:
    """Rows as text.

    A missing value is an empty cell, a list of one value that value, and any other list JSON.
    Bytes that are no text are written with backslashes.

    Args:
        batch: the rows.
        with_header: whether the columns' names come first.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    if with_header:
        writer.writerow(batch.schema.names)
    writer.writerows(zip(*map(_cells, batch.columns), strict=True))
    return text.getvalue()


def _cells(column: Any) -> list[Any]:
    if pa.types.is_float32(column.type):
        # Arrow writes the fewest digits that tell a number from its neighbours.
        column = column.cast(pa.string())
    return [_cell(value) for value in column.to_pylist()]


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        plain = [_cell(one) for one in value]
        return plain[0] if len(plain) == 1 else dumps(plain) if plain else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "" if value is None else value
