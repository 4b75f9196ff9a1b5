"""Decoding serialized tf.Examples into Arrow record batches, as a Beam DoFn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tfx_bsl.coders import example_coder

from tfx_estimators.errors import CorruptRecordError, FeatureDtypeError

__all__ = ["DecodeRecords"]


class DecodeRecords(beam.DoFn):
    """Turns a list of serialized tf.Examples into one `pyarrow.RecordBatch`.

    Every column is a list column, null where an example lacks the feature.

    Args:
        schema: `schema_pb2.Schema` that names the columns and their types, or None
            to take what each batch has.
        raw_record_column: name of an extra column that holds the records, or None.
    """

    def __init__(self, schema: Any, raw_record_column: str | None) -> None:
        # As bytes: not every stack's protobuf can be pickled.
        self._schema = None if schema is None else schema.SerializeToString()
        self._raw_record_column = raw_record_column
        self._decoder: Any = None

    def setup(self) -> None:
        """Makes the decoder, which cannot be pickled."""
        self._decoder = example_coder.ExamplesToRecordBatchDecoder(self._schema)

    def process(self, records: list[bytes]) -> Iterator[pa.RecordBatch]:
        """Decodes one batch."""
        try:
            batch = self._decoder.DecodeBatch(records)
        except RuntimeError as error:
            raise _explain(error) from error
        if self._raw_record_column is not None:
            column = pa.array([[r] for r in records], type=pa.large_list(pa.large_binary()))
            batch = pa.RecordBatch.from_arrays(
                [*batch.columns, column], [*batch.schema.names, self._raw_record_column]
            )
        yield batch


def _explain(error: RuntimeError) -> CorruptRecordError | FeatureDtypeError:
    if "wrong type" in str(error):
        return FeatureDtypeError(
            f"an example does not fit the schema: {error}",
            expected="the type the schema states for the feature",
            fix="correct the schema, or infer it again from these examples",
        )
    return CorruptRecordError(
        f"a record cannot be parsed: {error}",
        expected="serialized tf.Example protocol buffers",
        fix="write the examples again by re-running the example generator",
    )
