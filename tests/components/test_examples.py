"""Reading an Examples artifact: what is found, and what is refused."""

from __future__ import annotations

import gzip
import pathlib

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from tensorflow_metadata.proto.v0 import schema_pb2
from tf_examples import make_example, write_records
from tfx.types import artifact_utils, standard_artifacts

from tfx_estimators.components import examples
from tfx_estimators.components.batches import JoinBatches
from tfx_estimators.components.record_batches import DecodeRecords
from tfx_estimators.errors import (
    CorruptRecordError,
    EmptySplitError,
    FeatureDtypeError,
    UnsupportedOptionError,
)


def example(value: float) -> bytes:
    return make_example(x=float(value))


def artifact(uri: pathlib.Path, splits: list[str]) -> standard_artifacts.Examples:
    made = standard_artifacts.Examples()
    made.uri = str(uri)
    made.split_names = artifact_utils.encode_split_names(splits)
    return made


@pytest.fixture
def two_files(tmp_path: pathlib.Path) -> standard_artifacts.Examples:
    write_records(tmp_path / "Split-train" / "data-0.gz", [example(i) for i in range(5)])
    write_records(tmp_path / "Split-train" / "data-1.gz", [example(i) for i in range(5, 7)])
    write_records(tmp_path / "Split-eval" / "data-0.gz", [])
    return artifact(tmp_path, ["train", "eval"])


def test_batches_hold_every_record_in_order(two_files: standard_artifacts.Examples) -> None:
    split = examples.find_split([two_files], "train")
    batches = list(examples.read_batches(split.files, batch_size=3))
    assert [len(b) for b in batches] == [3, 2, 2]
    assert [r for b in batches for r in b] == [example(i) for i in range(7)]


def test_splits_of_several_artifacts_are_joined(
    two_files: standard_artifacts.Examples, tmp_path: pathlib.Path
) -> None:
    write_records(tmp_path / "b" / "Split-train" / "data", [example(9)])
    other = artifact(tmp_path / "b", ["train", "test"])
    assert examples.split_names([two_files, other]) == ["train", "eval", "test"]
    assert len(examples.find_split([two_files, other], "train").files) == 3


def test_a_split_pattern_on_the_artifact_is_followed(tmp_path: pathlib.Path) -> None:
    write_records(tmp_path / "train-part" / "data", [example(1)])
    made = artifact(tmp_path, ["train"])
    made.set_string_custom_property("custom_split_pattern", '{"train": "train-part/*"}')
    assert examples.find_split([made], "train").files == (str(tmp_path / "train-part" / "data"),)


@pytest.mark.parametrize("name", ["eval", "nowhere"])
def test_an_empty_or_missing_split_is_an_error(
    two_files: standard_artifacts.Examples, name: str
) -> None:
    with pytest.raises(EmptySplitError, match=name):
        examples.find_split([two_files], name)


@pytest.mark.parametrize(
    ("key", "value"),
    [("payload_format", "FORMAT_PROTO"), ("file_format", "FILE_FORMAT_PARQUET")],
)
def test_other_formats_are_refused(
    two_files: standard_artifacts.Examples, key: str, value: str
) -> None:
    two_files.set_string_custom_property(key, value)
    with pytest.raises(UnsupportedOptionError, match=value):
        examples.find_split([two_files], "train")


def flip_a_byte(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: gzip.compress(flip_a_byte(gzip.decompress(content))),
        lambda content: b"pickup_hour,fare\n1,2\n" * 20,
    ],
    ids=["cut off", "a byte flipped", "not TFRecords"],
)
def test_a_corrupt_file_is_an_error_that_names_it(tmp_path: pathlib.Path, damage: object) -> None:
    path = tmp_path / "data.gz"
    write_records(path, [example(i) for i in range(1000)])
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(CorruptRecordError, match=r"data\.gz"):
        list(examples.read_batches([str(path)]))


@pytest.mark.stacks
def test_beam_reads_what_python_reads(two_files: standard_artifacts.Examples) -> None:
    split = examples.find_split([two_files], "train")
    with beam.Pipeline("DirectRunner") as pipeline:
        values = (
            pipeline
            | examples.batch_reader(split, batch_size=4)
            | beam.ParDo(DecodeRecords(None, "raw"))
            | beam.FlatMap(
                lambda batch: list(
                    zip(
                        batch.column(batch.schema.get_field_index("x")).to_pylist(),
                        batch.column(batch.schema.get_field_index("raw")).to_pylist(),
                        strict=True,
                    )
                )
            )
        )
        assert_that(values, equal_to([([float(i)], [example(i)]) for i in range(7)]))


def test_small_files_share_batches_and_keep_their_order(tmp_path: pathlib.Path) -> None:
    # Small ones, one of several batches, an empty one, and the last.
    sizes = [*[1] * 40, 100, 0, 2]
    start = 0
    for number, size in enumerate(sizes):
        path = tmp_path / "Split-train" / f"data-{number:02}.gz"
        write_records(path, [example(i) for i in range(start, start + size)])
        start += size
    files = examples.find_split([artifact(tmp_path, ["train"])], "train").files
    join = JoinBatches(30)
    batches = [
        joined
        for file in files
        for batch in examples.read_batches([file], 30)
        for joined in join.process(batch)
    ]
    batches += [windowed.value for windowed in join.finish_bundle()]
    assert sorted(map(len, batches), reverse=True) == [30, 30, 30, 30, 22]
    assert sorted(record for batch in batches for record in batch) == sorted(
        map(example, range(142))
    )
    place = {record: n for n, record in enumerate(r for batch in batches for r in batch)}
    large = [place[example(i)] for i in range(40, 140)]
    assert large == sorted(large)


@pytest.mark.parametrize(
    ("record", "error"),
    [(b"\xff not a proto", CorruptRecordError), (example(1), FeatureDtypeError)],
)
def test_beam_shows_our_message_for_a_bad_record(record: bytes, error: type[Exception]) -> None:
    schema = schema_pb2.Schema()
    schema.feature.add(name="x", type=schema_pb2.INT)
    with pytest.raises(error, match="expected: "), beam.Pipeline("DirectRunner") as pipeline:
        _ = pipeline | beam.Create([[record]]) | beam.ParDo(DecodeRecords(schema, None))
