"""Transformed record batches to serialized tf.Examples, as a Beam DoFn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from tfx_estimators.components.example_encoding import ExampleEncoder

__all__ = ["EncodeExamples"]


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
