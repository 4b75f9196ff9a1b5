"""Raw examples from files to Arrow record batches.

TensorFlow reads and parses in threads of its own while Beam's thread transforms what
was read before. Its parser is several times as fast as tfx_bsl's decoder, but knows no
difference between a feature that is missing and one that has an empty list; where that
matters, and where a file cannot be read or parsed, the decoder is used. So it is for small
files, because what TensorFlow builds for each costs more than it saves, and several of them
make one batch.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from tfx_estimators.components.examples import (
    MOST_BYTES,
    is_parquet,
    read_batches,
    read_beginning,
)
from tfx_estimators.components.parquet import read_parquet
from tfx_estimators.components.record_batches import DecodeRecords
from tfx_estimators.estimator.eager import elements

__all__ = ["ReadExamples"]

_MOST_ROWS = 8192
# A file of fewer rows is small.
_MANY_ROWS = 1024
# Batches read, and batches parsed, ahead of what is transformed.
_AHEAD = 1

_DTYPES = {
    schema_pb2.INT: (tf.int64, pa.int64()),
    schema_pb2.FLOAT: (tf.float32, pa.float32()),
    schema_pb2.BYTES: (tf.string, pa.large_binary()),
}


class ReadExamples(beam.DoFn):
    """Turns a file, TFRecords of tf.Examples or Parquet, into `pyarrow.RecordBatch`es.

    Every column is a list column. Batches are as large as 16 MiB of examples, up to
    8192 rows: large ones hide what a batch costs in Beam and in TensorFlow.

    Args:
        schema: `schema_pb2.Schema` that names the columns and their types.
        exact: a feature that is missing has to be null, not an empty list.
    """

    def __init__(self, schema: Any, *, exact: bool) -> None:
        # As bytes: not every stack's protobuf can be pickled.
        self._schema = schema.SerializeToString()
        self._exact = exact
        self._decode = DecodeRecords(schema, None)
        self._spec: dict[str, tf.io.RaggedFeature] = {}
        self._arrow: Any = None
        self._pending: list[bytes] = []

    def setup(self) -> None:
        """Makes the decoder and what TensorFlow's parser needs."""
        self._decode.setup()
        schema = schema_pb2.Schema.FromString(self._schema)
        self._spec = {
            feature.name: tf.io.RaggedFeature(_DTYPES[feature.type][0], row_splits_dtype=tf.int64)
            for feature in schema.feature
        }
        self._arrow = pa.schema(
            [(f.name, pa.large_list(_DTYPES[f.type][1])) for f in schema.feature]
        )

    def process(self, file: str) -> Iterator[pa.RecordBatch]:
        """Reads one file, from beginning to end; a small one waits for others."""
        if is_parquet(file):
            yield from self._decode_pending()
            yield from read_parquet(file, self._arrow, _MOST_ROWS, MOST_BYTES)
            return
        first, whole = read_beginning(file, _MANY_ROWS)
        if whole:
            self._pending += first
            if len(self._pending) >= _rows_a_batch(self._pending):
                yield from self._decode_pending()
            return
        yield from self._decode_pending()
        rows = _rows_a_batch(first)
        done = 0
        if self._spec and not self._exact:
            try:
                for parsed in elements(functools.partial(self._batches, file, rows)):
                    yield self._record_batch(parsed)
                    done += 1
            except tf.errors.OpError:
                # Below, the same batch fails with an error that names file and record.
                pass
            else:
                return
        for records in itertools.islice(read_batches([file], rows), done, None):
            yield from self._decode.process(records)

    def finish_bundle(self) -> Iterator[Any]:
        """Gives on what still waits."""
        for batch in self._decode_pending():
            yield beam.transforms.window.GlobalWindows.windowed_value(batch)

    def _decode_pending(self) -> Iterator[pa.RecordBatch]:
        pending, self._pending = self._pending, []
        rows = _rows_a_batch(pending)
        for start in range(0, len(pending), rows):
            yield from self._decode.process(pending[start : start + rows])

    def _batches(self, file: str, rows: int) -> Any:
        dataset = tf.data.TFRecordDataset([file], "GZIP" if file.endswith(".gz") else "")
        return dataset.batch(rows).prefetch(_AHEAD).map(self._parse).prefetch(_AHEAD)

    def _parse(self, records: Any) -> dict[str, Any]:
        parsed = tf.io.parse_example(records, self._spec)
        return {name: (ragged.row_splits, ragged.values) for name, ragged in parsed.items()}

    def _record_batch(self, parsed: dict[str, Any]) -> pa.RecordBatch:
        columns = []
        for field in self._arrow:
            splits, values = (tensor.numpy() for tensor in parsed[field.name])
            columns.append(
                pa.LargeListArray.from_arrays(splits, pa.array(values, field.type.value_type))
            )
        return pa.RecordBatch.from_arrays(columns, schema=self._arrow)


def _rows_a_batch(records: list[bytes]) -> int:
    mean = sum(map(len, records)) / max(1, len(records))
    return int(min(_MOST_ROWS, max(1, MOST_BYTES // max(1, mean))))
