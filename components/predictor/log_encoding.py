"""Predictions to serialized PredictionLogs, whole columns at a time.

Maps are written in the order of protobuf's deterministic serialization, so that predicting the
same examples again gives the same records.

Messages: https://github.com/tensorflow/serving/blob/master/tensorflow_serving/apis/predict.proto
and https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/tensor.proto
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import prediction_log_pb2

from tfx_estimators.components.wire_format import (
    binary,
    delimited,
    join,
    map_order,
    offsets_and_data,
    prefixes,
    to_bytes,
)

__all__ = ["LogEncoder"]

_PREDICT_LOG = 0x32  # PredictionLog.predict_log
_REQUEST, _RESPONSE = 0x0A, 0x12  # PredictLog
_INPUTS, _OUTPUTS = 0x12, 0x0A  # PredictRequest, PredictResponse
_KEY, _VALUE = 0x0A, 0x12  # an entry of a map
_CONTENT, _STRINGS = 0x22, 0x42  # TensorProto.tensor_content, string_val


class LogEncoder:
    """Encodes batches of one signature's requests and responses.

    Args:
        signature: its name.
        input_name: its input's name.
    """

    def __init__(self, signature: str, input_name: str) -> None:
        self._input_name = input_name
        log = prediction_log_pb2.PredictLog()
        log.request.model_spec.signature_name = signature
        log.response.model_spec.signature_name = signature
        # Of the fields of a request, the specification comes first; of a response, last.
        self._request_spec = _constant(log.request.SerializeToString())
        self._response_spec = _constant(log.response.SerializeToString())

    def encode(self, records: Sequence[bytes], outputs: Mapping[str, Any]) -> list[bytes]:
        """Encodes one batch.

        Args:
            records: serialized tf.Examples.
            outputs: output name -> `np.ndarray` of shape [len(records), ...].

        Returns:
            one serialized PredictionLog a record, with tensors of batch size 1.
        """
        examples = np.empty(len(records), dtype=object)
        examples[:] = records
        request = join([self._request_spec, _entry(_INPUTS, self._input_name, examples)])
        entries = [_entry(_OUTPUTS, name, outputs[name]) for name in sorted(outputs, key=map_order)]
        response = join([*entries, self._response_spec])
        log = join([*_field(_REQUEST, request), *_field(_RESPONSE, response)])
        return to_bytes(join(_field(_PREDICT_LOG, log)))


def _constant(text: bytes) -> Any:
    return pa.scalar(text, pa.large_binary())


def _field(tag: int, values: Any) -> list[Any]:
    return [prefixes(pc.binary_length(values), lambda size: delimited(tag, size)), values]


def _entry(tag: int, name: str, values: Any) -> Any:
    """A map's entry a row: from a name to a tensor with the row."""
    begin, payload = _strings(values) if values.dtype == object else _numbers(values)
    key = name.encode()
    key = delimited(_KEY, len(key)) + key

    def before(size: int) -> bytes:
        tensor = begin + (delimited(_CONTENT, size) if size and values.dtype != object else b"")
        entry = key + delimited(_VALUE, len(tensor) + size) + tensor
        return delimited(tag, len(entry) + size) + entry

    return join([prefixes(pc.binary_length(payload), before), payload])


def _numbers(values: Any) -> tuple[bytes, Any]:
    """What is the same in every row's tensor, and each row's content."""
    width = values[:1].nbytes
    offsets = np.arange(len(values) + 1, dtype=np.int64) * width
    return _tensor(values, tf.as_dtype(values.dtype)), binary(offsets, values.tobytes())


def _strings(values: Any) -> tuple[bytes, Any]:
    """The same of texts, where the content is a field a text."""
    texts = pa.array(values.ravel().tolist(), pa.large_binary())
    offsets, data = offsets_and_data(join(_field(_STRINGS, texts)))
    width = values[:1].size
    rows = offsets[np.arange(len(values) + 1) * width]
    return _tensor(values, tf.string), binary(rows, data)


def _tensor(values: Any, dtype: Any) -> bytes:
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    for size in (1, *values.shape[1:]):
        proto.tensor_shape.dim.add().size = size
    return bytes(proto.SerializeToString())
