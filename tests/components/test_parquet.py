"""Parquet as other tools write it."""

from __future__ import annotations

import pathlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tfx_estimators.components.parquet import read_parquet
from tfx_estimators.errors import FeatureDtypeError


def read(path: pathlib.Path, values: Any, wanted: Any) -> Any:
    pq.write_table(pa.table({"f": values}), path)
    schema = pa.schema([("f", pa.large_list(wanted))])
    return next(read_parquet(str(path), schema, 10, 1000)).column(0).to_pylist()


@pytest.mark.parametrize(
    ("values", "wanted", "expected"),
    [
        (pa.array(["a", None, "b"]).dictionary_encode(), pa.large_binary(), [[b"a"], None, [b"b"]]),
        (pa.array([7, None, 7]).dictionary_encode(), pa.int64(), [[7], None, [7]]),
        (pa.array([1.5, None]).dictionary_encode(), pa.float32(), [[1.5], None]),
        (pa.array([True, None, False]), pa.int64(), [[1], None, [0]]),
        (pa.array([[True, False], None, []]), pa.int64(), [[1, 0], None, []]),
        (pa.nulls(3), pa.float32(), [None, None, None]),
        (pa.nulls(2), pa.int64(), [None, None]),
        (pa.nulls(2), pa.large_binary(), [None, None]),
        (pa.array([None, []], pa.list_(pa.null())), pa.int64(), [None, []]),
    ],
)
def test_what_pandas_and_others_write(
    tmp_path: pathlib.Path, values: Any, wanted: Any, expected: Any
) -> None:
    assert read(tmp_path / "data.parquet", values, wanted) == expected


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pa.array(["1"]).dictionary_encode(), pa.int64()),
        (pa.array([True]), pa.large_binary()),
        (pa.array([[1, None]]), pa.int64()),
    ],
)
def test_what_would_be_another_value_is_refused(
    tmp_path: pathlib.Path, values: Any, wanted: Any
) -> None:
    with pytest.raises(FeatureDtypeError, match="'f' holds"):
        read(tmp_path / "data.parquet", values, wanted)
