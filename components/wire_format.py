"""Protocol buffers' wire format, for whole columns of messages.

A column is an Arrow `large_binary` array with the bytes of one message, or of a part of one,
a row. What one row costs in Python is paid once for each size that occurs.

Wire format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "VARINT_BITS",
    "binary",
    "delimited",
    "join",
    "map_order",
    "offsets_and_data",
    "prefixes",
    "to_bytes",
    "varint",
]

VARINT_BITS = 7
"""Of a number in each byte of a varint."""

_NO_SEPARATOR = pa.scalar(b"", pa.large_binary())


def varint(value: int) -> bytes:
    """A number, 0 or greater, as a varint."""
    made = bytearray()
    while value >= 1 << VARINT_BITS:
        made.append(value & 0x7F | 0x80)
        value >>= VARINT_BITS
    made.append(value)
    return bytes(made)


def delimited(tag: int, size: int) -> bytes:
    """What precedes `size` bytes of a field."""
    return bytes([tag, *varint(size)])


def map_order(name: str) -> bytes:
    """Sorts names as protobuf's own deterministic serialization does.

    Implementations agree on the order of bytes, and differ where a name begins with another
    one: protobuf 3 puts the shorter first, the upb of later ones the longer.
    """
    return name.encode() + (b"\xff" if _longer_first() else b"")


@functools.cache
def _longer_first() -> bool:
    from tensorflow.core.example.example_pb2 import Example

    example = Example()
    for name in ("a", "ab"):
        example.features.feature[name].int64_list.value.append(0)
    text = example.SerializeToString(deterministic=True)
    return bool(text.index(b"\x02ab") < text.index(b"\x01a"))


def prefixes(sizes: Any, prefix: Callable[[int], bytes]) -> Any:
    """A column with `prefix` of every size; few sizes differ."""
    encoded = sizes.dictionary_encode()
    made = pa.array(map(prefix, encoded.dictionary.to_pylist()), pa.large_binary())
    return made.take(encoded.indices)


def binary(offsets: Any, data: Any) -> Any:
    """A column of the uint8 `data`, one row from each of the `[n + 1]` offsets to the next."""
    buffers = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def join(parts: list[Any]) -> Any:
    """A column of each row's parts one after another."""
    return pc.binary_join_element_wise(*parts, _NO_SEPARATOR)


def offsets_and_data(column: Any) -> tuple[Any, Any]:
    """The reverse of `binary`."""
    _, offsets, data = column.buffers()
    first = column.offset
    return (
        np.frombuffer(offsets, np.int64)[first : first + len(column) + 1],
        np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8),
    )


def to_bytes(column: Any) -> list[bytes]:
    """The rows."""
    offsets, data = offsets_and_data(column)
    whole, ends = data.tobytes(), offsets.tolist()
    return [whole[start:end] for start, end in itertools.pairwise(ends)]
