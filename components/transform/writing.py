"""Transformed record batches to gzipped TFRecord files of tf.Examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.io import filebasedsink
from tfx_bsl.coders import example_coder

__all__ = ["EncodeExamples", "ExampleFiles"]


class EncodeExamples(beam.DoFn):
    """Turns a `pyarrow.RecordBatch` into a list of serialized tf.Examples.

    Args:
        schema: `schema_pb2.Schema` of the batches.
    """

    def __init__(self, schema: Any) -> None:
        # As bytes: not every stack's protobuf can be pickled.
        self._schema = schema.SerializeToString()
        self._encoder: Any = None

    def setup(self) -> None:
        """Makes the encoder, which cannot be pickled."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        schema = schema_pb2.Schema.FromString(self._schema)
        self._encoder = example_coder.RecordBatchToExamplesEncoder(schema)

    def process(self, batch: Any) -> Iterator[list[bytes]]:
        """Encodes one batch."""
        yield self._encoder.encode(batch)


class ExampleFiles(filebasedsink.FileBasedSink):
    """Writes lists of records through TensorFlow's writer, whole lists at a time.

    Args:
        prefix: of the files' paths; "-00000-of-00001.gz" and so on is appended.
    """

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix, coder=beam.coders.BytesCoder(), file_name_suffix=".gz")

    def open(self, temp_path: str) -> Any:
        """Opens a file."""
        return tf.io.TFRecordWriter(temp_path, "GZIP")

    def write_record(self, file_handle: Any, value: list[bytes]) -> None:
        """Writes a list of records."""
        for record in value:
            file_handle.write(record)

    def close(self, file_handle: Any) -> None:
        """Closes a file."""
        if file_handle is not None:
            file_handle.close()
