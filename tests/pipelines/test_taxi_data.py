"""Torn lines of the trips are named; a wrong folder is refused at once."""

from __future__ import annotations

import pathlib

import pytest

from tfx_estimators.errors import CorruptRecordError, DataError
from tfx_estimators.pipelines.taxi.data import check_rows, find_trips


def test_packaged_trips_have_a_header_and_ten_thousand_rows(taxi_folder: pathlib.Path) -> None:
    lines = (taxi_folder / "data.csv").read_text().splitlines()
    assert len(lines) == 10_001
    assert {"fare", "tips", "payment_type"} <= set(lines[0].split(","))


def test_sound_rows_pass(taxi_folder: pathlib.Path) -> None:
    check_rows(taxi_folder, "*.csv")


def test_a_torn_line_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "trips.csv").write_text("a,b,c\n1,2,3\n4,5\n6,7,8\n")
    with pytest.raises(CorruptRecordError, match=r"trips\.csv, line 3: 2 fields: 4,5"):
        check_rows(tmp_path, "*.csv")


def test_an_empty_file_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "trips.csv").touch()
    with pytest.raises(CorruptRecordError, match="is empty"):
        check_rows(tmp_path, "*.csv")


def test_a_folder_without_csv_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match="holds no CSV files"):
        find_trips(tmp_path)
