"""Transformed record batches to gzipped TFRecord files of tf.Examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.io import filebasedsink

from tfx_estimators.components.example_encoding import ExampleEncoder

__all__ = ["EncodeExamples", "ExampleFiles"]

# zlib's default, 6, takes twice the time for files a sixth smaller.
_COMPRESSION_LEVEL = 3


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
        self._encoder = ExampleEncoder(self._schema)

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
        options = tf.io.TFRecordOptions("GZIP", compression_level=_COMPRESSION_LEVEL)
        return tf.io.TFRecordWriter(temp_path, options)

    def write_record(self, file_handle: Any, value: list[bytes]) -> None:
        """Writes a list of records."""
        for record in value:
            file_handle.write(record)

    def close(self, file_handle: Any) -> None:
        """Closes a file."""
        if file_handle is not None:
            file_handle.close()
