"""Examples in a random order that is always the same, in memory that does not grow.

Rows of a file often come sorted, by date or by customer, and a training whose shuffle
buffer is smaller than the data would see them so. Each example therefore draws a number:
by its first bits examples are scattered over buckets in temporary files, then each bucket
is sorted by all of it and written as one file of the split. What an example draws depends
on its place in its file, so equal examples do not come one after another.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.window import GlobalWindows

from tfx_estimators.components.example_gen.splits import HashSplits

__all__ = ["Scatter", "WriteShard", "bucket_count", "empty_buckets"]

# Of input; as tf.Examples several times as many are in memory at once.
_BYTES_A_BUCKET = 16 << 20
# Each is an open file while examples are scattered.
_MOST_BUCKETS = 100
_FILE_PREFIX = "data_tfrecord"  # TFX's own name.
_COMPRESSION_LEVEL = 3
_SCHEMA = pa.schema([("drawn", pa.uint64()), ("record", pa.large_binary())])

Bucket = tuple[str, int]
"""A split and the number of a bucket in it."""


def bucket_count(size: int) -> int:
    """How many buckets, and so files, a split gets.

    Args:
        size: bytes of the input files.
    """
    return min(_MOST_BUCKETS, max(1, math.ceil(size / _BYTES_A_BUCKET)))


def empty_buckets(splits: Sequence[str], buckets: int) -> list[tuple[Bucket, str]]:
    """An entry without a file for each bucket, so that each is written even if empty."""
    return [((split, bucket), "") for split in splits for bucket in range(buckets)]


class Scatter(beam.DoFn):
    """Batches of serialized tf.Examples to `(bucket, path of a temporary file)`.

    Args:
        names: of the splits.
        splits: how examples are divided among them; None where there is one.
        buckets: how many a split has.
        folder: for temporary files; removed by whoever runs the pipeline.
    """

    def __init__(
        self, names: Sequence[str], splits: HashSplits | None, buckets: int, folder: str
    ) -> None:
        self._names = names
        self._splits = splits
        self._buckets = buckets
        self._folder = folder
        self._open: dict[Bucket, _Writer] = {}

    def start_bundle(self) -> None:
        """Begins with no files: those of a bundle that failed are not used."""
        self._open = {}

    def process(self, batch: tuple[tuple[int, int], list[bytes]]) -> None:
        """Writes the examples of a batch to the files of their buckets.

        Args:
            batch: the number of the batch's file and of its first row, and the examples.
        """
        place, records = batch
        drawn = np.random.SeedSequence(place).generate_state(len(records), np.uint64)
        buckets = ((drawn >> np.uint64(32)) * np.uint64(self._buckets)) >> np.uint64(32)
        splits = [0] * len(records) if self._splits is None else self._splits.assign(records)
        order = np.lexsort((buckets, splits))
        ends = np.flatnonzero(np.diff(np.stack([splits, buckets])[:, order].T, axis=0).any(axis=1))
        column = pa.array(records, pa.large_binary())
        for rows in np.split(order, ends + 1):
            if len(rows):
                bucket = (self._names[splits[rows[0]]], int(buckets[rows[0]]))
                self._writer(bucket).write(pa.array(drawn[rows]), column.take(pa.array(rows)))

    def finish_bundle(self) -> Iterator[Any]:
        """Closes the files and says where they are."""
        for bucket, writer in self._open.items():
            writer.close()
            yield GlobalWindows.windowed_value((bucket, writer.path))

    def _writer(self, bucket: Bucket) -> _Writer:
        if bucket not in self._open:
            self._open[bucket] = _Writer(f"{self._folder}/{uuid.uuid4().hex}")
        return self._open[bucket]


class WriteShard(beam.DoFn):
    """Sorts the examples of a bucket and writes them as one gzipped TFRecord file.

    Args:
        folders: of the splits.
        buckets: how many a split has.
    """

    def __init__(self, folders: Mapping[str, str], buckets: int) -> None:
        self._folders = folders
        self._buckets = buckets

    def process(self, grouped: tuple[Bucket, Any]) -> Iterator[int]:
        """Writes one file; gives the number of examples in it."""
        (split, number), paths = grouped
        tables = [_read(path) for path in paths if path]
        records: list[bytes] = []
        if tables:
            records = pa.concat_tables(tables).sort_by("drawn")["record"].to_pylist()
        name = f"{_FILE_PREFIX}-{number:05d}-of-{self._buckets:05d}.gz"
        staged = f"{self._folders[split]}/.{name}.{uuid.uuid4().hex}"
        tf.io.gfile.makedirs(self._folders[split])
        options = tf.io.TFRecordOptions("GZIP", compression_level=_COMPRESSION_LEVEL)
        with tf.io.TFRecordWriter(staged, options) as writer:
            for record in records:
                writer.write(record)
        # A bundle that is tried again writes the same.
        tf.io.gfile.rename(staged, f"{self._folders[split]}/{name}", overwrite=True)
        yield len(records)


class _Writer:
    def __init__(self, path: str) -> None:
        self.path = path
        self._file = FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)
        self._stream = pa.ipc.new_stream(self._file, _SCHEMA)

    def write(self, drawn: Any, records: Any) -> None:
        batch = pa.RecordBatch.from_arrays([drawn, records], schema=_SCHEMA)
        self._stream.write_batch(batch)

    def close(self) -> None:
        self._stream.close()
        self._file.close()


def _read(path: str) -> pa.Table:
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        return pa.ipc.open_stream(file).read_all()
