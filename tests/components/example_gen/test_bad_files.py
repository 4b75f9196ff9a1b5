"""Files that cannot be read as they are: named with their line, nothing written."""

from __future__ import annotations

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tfx_estimators.components.example_gen import csv_files
from tfx_estimators.components.example_gen.csv_files import read_cells, read_header
from tfx_estimators.components.example_gen.parquet_files import example_schema, read_lists
from tfx_estimators.errors import CorruptRecordError, FeatureDtypeError


def _cells(path: pathlib.Path) -> list[dict[str, str]]:
    names = read_header(str(path))
    return [row for batch in read_cells(str(path), names) for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n3\n", "line 3 has 1 cells"),
        (b'a,b\n1,2\n"x\ny",2\n3,4,5\n', "line 5 has 3 cells"),
        (b"a,b\n1,\xff\n", "line 2 is not UTF-8"),
        (b"a,b\n1,2\n\0,3\n", "line 3 has a NUL byte"),
        ("a,b\n1,2\n".encode("utf-16"), "line 1 is UTF-16"),
        (b"a,a\n1,2\n", "line 1: the header has the column 'a' twice"),
        (b"a,,c\n1,2,3\n", "line 1: the header lacks a name"),
        (b"", "line 1: the header lacks a name"),
    ],
)
def test_a_damaged_file_is_named_with_the_line(
    tmp_path: pathlib.Path, content: bytes, said: str
) -> None:
    path = tmp_path / "trips.csv"
    path.write_bytes(content)
    with pytest.raises(CorruptRecordError) as caught:
        _cells(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_byte_order_marks_blank_lines_and_windows_line_ends_are_read(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbf"a","b c"\r\n1,"x, y"\r\n\r\n2,\r\n')
    assert _cells(path) == [{"a": "1", "b c": "x, y"}, {"a": "2", "b c": ""}]


def test_a_row_longer_than_a_block_is_read(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "_BLOCK", 64)
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "x" * 400 + ",1\n" + "short,2\n" * 50 + "y" * 300 + ",3\n")
    rows = _cells(path)
    assert len(rows) == 52
    assert rows[-1] == {"a": "y" * 300, "b": "3"}


def test_a_parquet_column_without_place_in_an_example_is_named(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"when": pa.array([0], pa.timestamp("s"))}), path)
    with pytest.raises(FeatureDtypeError, match="'when' holds timestamp"):
        example_schema(path)


def test_parquet_files_of_a_split_have_the_same_columns(tmp_path: pathlib.Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"a": [1.5]}), tmp_path / "b.parquet")
    schema = example_schema(str(tmp_path / "a.parquet"))
    with pytest.raises(CorruptRecordError, match=r"b\.parquet has the columns a \(float\)"):
        list(read_lists(str(tmp_path / "b.parquet"), schema))


def test_a_zero_in_parquet_is_a_value(tmp_path: pathlib.Path) -> None:
    pq.write_table(pa.table({"n": [0, None, 2], "s": ["", None, "x"]}), tmp_path / "a.parquet")
    path = str(tmp_path / "a.parquet")
    (batch,) = read_lists(path, example_schema(path))
    assert batch.to_pydict() == {"n": [[0], None, [2]], "s": [[b""], None, [b"x"]]}
