"""Raw examples from files of any size to record batches."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2
from tf_examples import make_example, write_records

from tfx_estimators.components.transform.reading import ReadExamples
from tfx_estimators.errors import CorruptRecordError

pytestmark = pytest.mark.stacks


def read(files: list[pathlib.Path]) -> list[Any]:
    """The record batches that a bundle of files gives."""
    schema = schema_pb2.Schema()
    schema.feature.add(name="x", type=schema_pb2.FLOAT)
    reader = ReadExamples(schema, exact=False)
    reader.setup()
    batches = [batch for file in files for batch in reader.process(str(file))]
    return [*batches, *(windowed.value for windowed in reader.finish_bundle())]


def write(path: pathlib.Path, numbers: range) -> pathlib.Path:
    write_records(path, [make_example(x=float(number)) for number in numbers])
    return path


def test_small_files_make_one_batch_and_all_rows_keep_their_order(
    tmp_path: pathlib.Path,
) -> None:
    small = [write(tmp_path / f"{n}.gz", range(n, n + 1)) for n in range(40)]
    large = write(tmp_path / "large.gz", range(40, 2_000))
    empty = write(tmp_path / "empty.gz", range(0))
    last = write(tmp_path / "last", range(2_000, 2_100))
    batches = read([*small, large, empty, last])
    assert [batch.num_rows for batch in batches] == [40, 1_960, 100]
    values = [value for batch in batches for value in batch.column(0).flatten().to_pylist()]
    assert values == list(range(2_100))


@pytest.mark.parametrize("rows", [3, 2_000])
def test_torn_file_is_named(tmp_path: pathlib.Path, rows: int) -> None:
    whole = write(tmp_path / "whole", range(3))
    torn = write(tmp_path / "torn", range(rows))
    torn.write_bytes(torn.read_bytes()[:-3])
    with pytest.raises(CorruptRecordError, match="torn: a record after number"):
        read([whole, torn])
