"""Gzipped TFRecord files, written whole batches of records at a time."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.io import filebasedsink

__all__ = ["RecordSink"]

# zlib's default, 6, takes twice the time for files a sixth smaller.
_COMPRESSION_LEVEL = 3


class RecordSink(filebasedsink.FileBasedSink):
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
