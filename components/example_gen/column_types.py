"""The type of a column of text, as TFX infers it, and the values of that type.

TFX takes a column for integers if Python's `int` reads every cell, for floating-point
numbers if `float` does, else for text; an empty cell says nothing. Cells in the usual
notation are recognized and read a column at a time; Python is asked for the rest only,
such as " 7", "1_000" or "nan". The rules are those of `tfx_bsl.coders.csv_decoder`, seen
on tfx-bsl 1.15, 1.16 and 1.21.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["ColumnType", "infer_type", "to_lists"]

# Eighteen digits always fit into 64 bits.
_USUAL_INT = r"^-?[0-9]{1,18}$"
# With a point or an exponent, which Python's `int` refuses.
_USUAL_FLOAT = r"^-?(([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)$"
_USUAL_NUMBER = r"^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


class ColumnType(enum.IntEnum):
    """Types by rank: a column has the highest of its cells'."""

    UNKNOWN = 0
    INT = 1
    FLOAT = 2
    TEXT = 3


def infer_type(cells: Any) -> ColumnType:
    """The type of a column's cells.

    Args:
        cells: a `pyarrow.StringArray` without nulls; an empty text is a missing value.
    """
    there = cells.filter(pc.greater(pc.binary_length(cells), 0))
    if not len(there):
        return ColumnType.UNKNOWN
    rest = there.filter(pc.invert(pc.match_substring_regex(there, _USUAL_INT)))
    if not len(rest):
        return ColumnType.INT
    found = ColumnType.INT if len(rest) < len(there) else ColumnType.UNKNOWN
    is_float = pc.match_substring_regex(rest, _USUAL_FLOAT)
    if pc.any(is_float).as_py():
        found = ColumnType.FLOAT
    for cell in rest.filter(pc.invert(is_float)).unique().to_pylist():
        found = max(found, _type_of(cell))
        if found is ColumnType.TEXT:
            break
    return found


def to_lists(cells: Any, kind: ColumnType) -> Any:
    """The values of a column, each in a list of its own.

    Args:
        cells: a `pyarrow.StringArray` without nulls.
        kind: the type of the whole column.

    Returns:
        a `pyarrow.LargeListArray` of int64, float32 or large_binary, with an empty list for
        a missing value; of nulls where the column's type is unknown.
    """
    if kind is ColumnType.UNKNOWN:
        return pa.nulls(len(cells), pa.large_list(pa.int64()))
    there = pc.greater(pc.binary_length(cells), 0)
    ends = np.concatenate(([0], np.cumsum(there.to_numpy(zero_copy_only=False), dtype=np.int64)))
    values = cells.filter(there)
    if kind is ColumnType.INT:
        values = _numbers(values, _USUAL_INT, pa.int64(), int)
    elif kind is ColumnType.FLOAT:
        values = _numbers(values, _USUAL_NUMBER, pa.float64(), float)
        values = values.cast(pa.float32(), safe=False)
    else:
        values = values.cast(pa.large_binary())
    return pa.LargeListArray.from_arrays(pa.array(ends), values)


def _numbers(values: Any, usual: str, kind: Any, read: Callable[[str], float]) -> Any:
    if pc.all(pc.match_substring_regex(values, usual)).as_py():
        with contextlib.suppress(pa.ArrowInvalid):  # such as 1e999, which Python reads
            return values.cast(kind)
    return pa.array([read(value) for value in values.to_pylist()], kind)


def _type_of(cell: str) -> ColumnType:
    try:
        value = int(cell)
    except ValueError:
        try:
            float(cell)
        except ValueError:
            return ColumnType.TEXT
        return ColumnType.FLOAT
    return ColumnType.INT if _LOWEST <= value <= _HIGHEST else ColumnType.TEXT
