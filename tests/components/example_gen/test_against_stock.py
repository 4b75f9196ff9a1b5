"""Our ExampleGens beside TFX's own, on files that are hard to read."""

from __future__ import annotations

import collections
import pathlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.components.example_gen.csv_example_gen.executor import Executor as StockCsv
from tfx.components.example_gen.custom_executors.parquet_executor import Executor as StockParquet
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from tfx_estimators.components.example_gen.executor import CsvExecutor, ParquetExecutor

pytestmark = pytest.mark.stacks

SPLITS = {"train": 5, "eval": 3, "test": 2}

# Column by column: what TFX takes for integers, floats and text.
TRICKY = {
    "int": ["1", "-7", "", "007", "9223372036854775807"],
    "odd_int": [" 12 ", "1_000", "+5", "", "-0"],
    "too_long": ["9223372036854775808", "1", "2", "", "3"],
    "float": ["1", "2.5", "", "-.5", "1e3"],
    "odd_float": ["nan", "inf", " 1.5", "1_0.5", ""],
    "far_float": ["1e39", "1e-50", "3.", "-1E+2", "0.1"],
    "text": ["a", "", '"quoted, with comma"', '"two\nlines"', '"say ""hi"""'],
    "int_text": ["a", "b", "", "d", "e"],  # Its name begins with another column's.
    "mixed": ["1", "2.5", "x", "", "3"],
    "nothing": ["", "", "", "", ""],
    "umlauts": ["Zürich", "北京", "", "ñ", "é"],
    "quoted_number": ['"1"', '"2"', "3", "", '""'],
}


def _write_csv(path: pathlib.Path, columns: dict[str, list[str]], times: int = 1) -> None:
    rows = [",".join(row) for row in zip(*columns.values(), strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([",".join(columns), *(rows * times)]) + "\n", encoding="utf-8")


def _run(
    executor: Any, base: pathlib.Path, folder: pathlib.Path, **split_config: Any
) -> dict[str, list[bytes]]:
    """Serialized examples by split, sorted."""
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    config = split_config or {
        "splits": [
            example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=buckets)
            for name, buckets in SPLITS.items()
        ]
    }
    properties = {
        "input_base": str(base),
        "input_config": proto_utils.proto_to_json(
            example_gen_pb2.Input(splits=[{"name": "all", "pattern": "*"}])
        ),
        "output_config": proto_utils.proto_to_json(
            example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(**config))
        ),
    }
    executor(executor.Context(tmp_dir=str(folder / "tmp"), unique_id="1")).Do(
        {}, {"examples": [examples]}, properties
    )
    found = collections.defaultdict(list)
    for path in sorted(folder.glob("Split-*/*.gz")):
        for record in tf.data.TFRecordDataset([str(path)], "GZIP").as_numpy_iterator():
            example = tf.train.Example.FromString(record)
            found[path.parent.name].append(example.SerializeToString(deterministic=True))
    assert {p.name for p in folder.iterdir()} <= {f"Split-{name}" for name in (*SPLITS, "tmp")}
    return {split: sorted(records) for split, records in found.items()}


def test_csv_gives_the_examples_and_splits_of_stock(tmp_path: pathlib.Path) -> None:
    _write_csv(tmp_path / "data" / "a.csv", TRICKY, times=3)
    _write_csv(tmp_path / "data" / "b.csv", {n: v[::-1] for n, v in TRICKY.items()})
    stock = _run(StockCsv, tmp_path / "data", tmp_path / "stock")
    ours = _run(CsvExecutor, tmp_path / "data", tmp_path / "ours")
    assert sum(map(len, ours.values())) == 20
    assert ours == stock


def test_a_feature_decides_the_split_as_in_stock(tmp_path: pathlib.Path) -> None:
    columns = {"id": [str(n) for n in range(40)], "x": ["1.5"] * 40}
    _write_csv(tmp_path / "data" / "a.csv", columns)
    config = {
        "splits": [
            example_gen_pb2.SplitConfig.Split(name="train", hash_buckets=2),
            example_gen_pb2.SplitConfig.Split(name="eval", hash_buckets=1),
        ],
        "partition_feature_name": "id",
    }
    stock = _run(StockCsv, tmp_path / "data", tmp_path / "stock", **config)
    ours = _run(CsvExecutor, tmp_path / "data", tmp_path / "ours", **config)
    assert ours == stock
    assert all(ours.values())


def test_parquet_gives_the_examples_and_splits_of_stock(tmp_path: pathlib.Path) -> None:
    # No zeros and no empty texts, which TFX's own executor takes for missing.
    table = pa.table(
        {
            "int": pa.array([1, None, 3] * 7, pa.int32()),
            "double": pa.array([1.5, 2.25, None] * 7, pa.float64()),
            "text": pa.array(["a", "b", None] * 7),
            "list": pa.array([[1, 2], [3], None] * 7, pa.list_(pa.int64())),
            "bytes": pa.array([b"x", None, b"z"] * 7, pa.binary()),
        }
    )
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "a.parquet")
    stock = _run(StockParquet, tmp_path / "data", tmp_path / "stock")
    ours = _run(ParquetExecutor, tmp_path / "data", tmp_path / "ours")
    assert sum(map(len, ours.values())) == 21
    assert ours == stock


def test_sorted_rows_come_out_mixed_in_an_order_that_is_always_the_same(
    tmp_path: pathlib.Path,
) -> None:
    # Sorted, and each row four times: neither may show in the files.
    _write_csv(tmp_path / "data" / "a.csv", {"n": [str(n // 4) for n in range(2000)]})
    orders = []
    for name in ("first", "second"):
        _run(CsvExecutor, tmp_path / "data", tmp_path / name)
        (path,) = (tmp_path / name / "Split-train").iterdir()
        records = tf.data.TFRecordDataset([str(path)], "GZIP").as_numpy_iterator()
        examples = map(tf.train.Example.FromString, records)
        orders.append([e.features.feature["n"].int64_list.value[0] for e in examples])
    assert orders[0] == orders[1]
    steps = np.diff(orders[0])
    assert np.mean(steps == 0) < 0.02
    assert 0.4 < np.mean(steps > 0) < 0.6
    assert np.abs(np.corrcoef(orders[0], np.arange(len(orders[0])))[0, 1]) < 0.1
