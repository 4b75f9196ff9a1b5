"""CSV and Parquet files, written whole record batches at a time."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io import filebasedsink
from apache_beam.io.filesystem import CompressionTypes

from tfx_estimators.components.csv_rows import csv_rows

__all__ = ["TableSink"]


class _CsvFile:
    def __init__(self, file: Any) -> None:
        self._file = file
        self._is_begun = False

    def write(self, batch: pa.RecordBatch) -> None:
        self._file.write(csv_rows(batch, with_header=not self._is_begun).encode())
        self._is_begun = True

    def close(self) -> None:
        self._file.close()


class _ParquetFile:
    def __init__(self, file: Any) -> None:
        self._file = file
        self._writer: Any = None

    def write(self, batch: pa.RecordBatch) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, batch.schema)
        self._writer.write_batch(batch)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._file.close()


_FILES = {"csv": _CsvFile, "parquet": _ParquetFile}


class TableSink(filebasedsink.FileBasedSink):
    """Writes `pyarrow.RecordBatch`es of one schema.

    Args:
        prefix: of the files' paths; "-00000-of-00001.csv" and so on is appended.
        output_format: "csv" or "parquet".
    """

    def __init__(self, prefix: str, output_format: str) -> None:
        super().__init__(
            prefix,
            coder=beam.coders.BytesCoder(),
            file_name_suffix=f".{output_format}",
            compression_type=CompressionTypes.UNCOMPRESSED,
        )
        self._format = output_format

    def open(self, temp_path: str) -> Any:
        """Opens a file."""
        return _FILES[self._format](super().open(temp_path))

    def write_record(self, file_handle: Any, value: pa.RecordBatch) -> None:
        """Writes a batch."""
        file_handle.write(value)

    def close(self, file_handle: Any) -> None:
        """Closes a file."""
        if file_handle is not None:
            file_handle.close()
