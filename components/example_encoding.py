"""Record batches to serialized tf.Examples, the same bytes for the same values.

A tf.Example is a protocol buffer map, whose entries a serializer may write in any order:
tfx_bsl's encoder writes them in another order every time. Here they stand in the order
of the features' names, so that transforming the same examples again gives the same
files. Whole columns are encoded at a time with NumPy and Arrow, which is also faster.

Wire format: https://protobuf.dev/programming-guides/encoding/ and
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/example/feature.proto
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfx_estimators.components.wire_format import (
    VARINT_BITS,
    binary,
    delimited,
    join,
    map_order,
    offsets_and_data,
    prefixes,
    to_bytes,
    varint,
)

__all__ = ["ExampleEncoder"]

# Fields of tf.train.Feature and, packed, of the lists in it.
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 0x0A, 0x12, 0x1A
_FIELD_1, _FIELD_2 = 0x0A, 0x12
_LONGEST_VARINT = 10
_NULL = -1


class ExampleEncoder:
    """Encodes `pyarrow.RecordBatch`es of list columns.

    Args:
        schema: serialized `schema_pb2.Schema` of the batches, which nested lists need.
    """

    def __init__(self, schema: bytes) -> None:
        self._schema = schema
        self._nested: Any = None

    def encode(self, batch: pa.RecordBatch) -> list[bytes]:
        """Encodes one batch.

        Args:
            batch: columns of lists (or nested lists) of int64, float32 or bytes; a null
                becomes a feature without a kind, an empty list one of the column's kind.

        Returns:
            one serialized tf.Example a row.
        """
        named = zip(batch.schema.names, batch.columns, strict=True)
        columns = sorted(named, key=lambda column: map_order(column[0]))
        if not columns or not all(_is_flat(column.type) for _, column in columns):
            return self._encode_nested(batch)
        parts: list[Any] = []
        for name, column in columns:
            parts += _entry(name.encode(), column)
        features = join(parts)
        sizes = pc.binary_length(features)
        return to_bytes(join([prefixes(sizes, _message_prefix), features]))

    def _encode_nested(self, batch: pa.RecordBatch) -> list[bytes]:
        # Ragged features of several dimensions become several features, as the schema says.
        from tensorflow.core.example.example_pb2 import Example
        from tensorflow_metadata.proto.v0 import schema_pb2
        from tfx_bsl.coders import example_coder

        if self._nested is None:
            schema = schema_pb2.Schema.FromString(self._schema)
            self._nested = example_coder.RecordBatchToExamplesEncoder(schema)
        return [
            Example.FromString(record).SerializeToString(deterministic=True)
            for record in self._nested.encode(batch)
        ]


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_string,
        pa.types.is_large_string,
    )
    return any(test(kind) for test in tests)


def _is_flat(kind: pa.DataType) -> bool:
    return _is_list(kind) and (
        kind.value_type in (pa.int64(), pa.float32()) or _is_bytes(kind.value_type)
    )


def _entry(key: bytes, column: Any) -> list[Any]:
    """One map entry a row, in two parts: what precedes the values, and the values."""
    counts = pc.list_value_length(column)
    nulls = counts.null_count
    counts = counts.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    kind = column.type.value_type
    values = column.flatten()
    if kind == pa.int64():
        tag, offsets, data = _INT64_LIST, *_varints(values.to_numpy(zero_copy_only=False))
    elif kind == pa.float32():
        tag, data = _FLOAT_LIST, values.to_numpy(zero_copy_only=False).view(np.uint8)
        offsets = np.arange(len(values) + 1, dtype=np.int64) * 4
    else:
        tag = _BYTES_LIST
        values = values.cast(pa.large_binary())
        before_each = prefixes(pc.binary_length(values), _message_prefix)
        offsets, data = offsets_and_data(join([before_each, values]))
    ends = np.concatenate(([0], np.cumsum(counts)))
    payload = binary(offsets[ends], data)
    sizes = np.diff(offsets[ends])
    if nulls:
        sizes[column.is_null().to_numpy(zero_copy_only=False)] = _NULL
    before = _EntryPrefix(key, tag, packed=tag != _BYTES_LIST)
    return [prefixes(pa.array(sizes), before), payload]


class _EntryPrefix:
    """What precedes `size` bytes of values in a map entry."""

    def __init__(self, key: bytes, tag: int, *, packed: bool) -> None:
        self._key = bytes([_FIELD_1, *varint(len(key))]) + key
        self._tag = tag
        self._packed = packed

    def __call__(self, size: int) -> bytes:
        values = bytes([_FIELD_1, *varint(size)]) if self._packed and size > 0 else b""
        kind = b"" if size == _NULL else bytes([self._tag, *varint(len(values) + size)])
        length = 0 if size == _NULL else len(kind) + len(values) + size
        feature = bytes([_FIELD_2, *varint(length)]) + kind + values
        entry = len(self._key) + len(feature) + max(size, 0)
        return bytes([_FIELD_1, *varint(entry)]) + self._key + feature


def _message_prefix(size: int) -> bytes:
    return delimited(_FIELD_1, size)


def _varints(values: Any) -> tuple[Any, Any]:
    """Varints of int64 values one after another: `[n + 1]` offsets and uint8 data."""
    rest = values.astype(np.int64).view(np.uint64)
    lengths = np.ones(len(rest), np.int64)
    for size in range(1, _LONGEST_VARINT):
        longer = rest >= np.uint64(1 << (VARINT_BITS * size))
        if not longer.any():
            break
        lengths += longer
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    data = np.empty(offsets[-1], np.uint8)
    for position in range(int(lengths.max(initial=0))):
        here = lengths > position
        more = np.where(lengths[here] > position + 1, 0x80, 0).astype(np.uint8)
        bits = rest[here] >> np.uint64(VARINT_BITS * position)
        data[offsets[:-1][here] + position] = (bits & np.uint64(0x7F)).astype(np.uint8) | more
    return offsets, data
