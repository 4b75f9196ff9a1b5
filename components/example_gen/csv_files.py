"""CSV files to batches of text columns, or an error that names the file and the line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from tfx_estimators.errors import CorruptRecordError

__all__ = ["read_cells", "read_header"]

# A row must fit into a block; a batch is a block.
_BLOCK = 4 << 20
_LARGEST_BLOCK = 1 << 30
_BYTE_ORDER_MARK = "\ufeff"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_FIX = "correct or remove the line, or write the file again"


def read_header(path: str) -> list[str]:
    """The names of a file's columns, from its first line.

    Args:
        path: anywhere that Beam can read.

    Raises:
        CorruptRecordError: if the line cannot be read, or a name is empty or occurs twice.
    """
    with _open(path) as file:
        line = file.readline()
    names = next(csv.reader([_decoded(path, 1, line)]), [])
    names = [name.strip() for name in names]
    wrong = [name for name in names if not name or names.count(name) > 1]
    if not names or wrong:
        said = f"has the column {wrong[0]!r} twice" if wrong and wrong[0] else "lacks a name"
        raise CorruptRecordError(
            f"{path}, line 1: the header {said}",
            expected="a unique name for each column",
            fix="correct the header of the file",
        )
    return names


def read_cells(path: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Reads a file from its second line on.

    Args:
        path: anywhere that Beam can read.
        names: of its columns.

    Yields:
        batches of text columns in the file's order. A missing cell is an empty text.

    Raises:
        CorruptRecordError: if a line has too few or too many cells, or is not UTF-8.
    """
    block = _BLOCK
    while True:
        rows = 0
        try:
            for batch in _read(path, names, block):
                yield batch
                rows += batch.num_rows
        except pa.ArrowInvalid as error:
            if "straddling" in str(error) and not rows and block < _LARGEST_BLOCK:
                block *= 8  # The first row is longer than a block.
                continue
            raise _explain(path, names, error) from error
        return


def _read(path: str, names: Sequence[str], block: int) -> Iterator[pa.RecordBatch]:
    with _open(path) as file:
        reader = arrow_csv.open_csv(
            _WithoutNul(file),
            arrow_csv.ReadOptions(
                column_names=list(names), skip_rows=1, block_size=block, use_threads=True
            ),
            arrow_csv.ParseOptions(newlines_in_values=True),
            arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=False
            ),
        )
        yield from reader


class _WithoutNul(io.RawIOBase):
    """A file that refuses to give NUL bytes, which Arrow would take for text."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        """Arrow asks."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Reads up to `size` bytes."""
        data: bytes = self._file.read(size)
        if b"\0" in data:
            raise pa.ArrowInvalid("NUL byte")
        return data


def _open(path: str) -> Any:
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.open(path)


def _decoded(path: str, number: int, line: bytes) -> str:
    """A line as text; the faults that a CSV reader would not name are named here."""
    if line.startswith(_UTF_16):
        problem, fix = "is UTF-16", f"iconv -f UTF-16 -t UTF-8 {path}"
    elif b"\0" in line:
        problem, fix = "has a NUL byte", _FIX
    else:
        try:
            return line.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
        except UnicodeDecodeError as error:
            problem, fix = f"is not UTF-8: {error.reason} at byte {error.start}", _FIX
    raise CorruptRecordError(f"{path}, line {number} {problem}", expected="UTF-8 text", fix=fix)


def _explain(path: str, names: Sequence[str], error: Exception) -> CorruptRecordError:
    """What is wrong, and where: the file is read once more, line by line."""
    number = 0

    def lines() -> Iterator[str]:
        nonlocal number
        with _open(path) as file:
            for number, line in enumerate(file, 1):
                yield _decoded(path, number, line)

    try:
        for cells in csv.reader(lines()):
            if cells and len(cells) != len(names):
                start = io.StringIO()
                csv.writer(start).writerow(cells)
                return CorruptRecordError(
                    f"{path}, line {number} has {len(cells)} cells: {start.getvalue()[:80]!r}",
                    expected=f"{len(names)} cells, as the header has",
                    fix=_FIX,
                )
    except CorruptRecordError as found:
        return found
    except csv.Error as found:
        return CorruptRecordError(
            f"{path}, line {number}: {found}", expected="CSV with commas and quotes", fix=_FIX
        )
    return CorruptRecordError(f"{path} cannot be read: {error}", expected="CSV", fix=_FIX)
