"""PredictionLogs encoded by columns: what protobuf writes for the same messages."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tfx_estimators.components.predictor.log_encoding import LogEncoder

pytestmark = pytest.mark.stacks

DTYPES = [tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int32, tf.int64, tf.uint8, tf.bool]
# Both sides of where a varint grows by a byte.
SIZES = [0, 127, 128, 9, 20_000, 1, 5]


@pytest.mark.parametrize("rows", [1, 7])
def test_the_bytes_of_deterministic_protobuf(rows: int) -> None:
    random = np.random.default_rng(1)
    records = [bytes([row]) * size for row, size in enumerate(SIZES[:rows])]
    texts = [b"", b"x" * 130, "\u00fc".encode(), b"\0"]
    outputs = {
        **{
            f"n/{dtype.name}": (random.normal(size=(rows, 2)) * 9).astype(dtype.as_numpy_dtype)
            for dtype in DTYPES
        },
        # One name begins with the other; protobufs differ in which comes first.
        "n": random.normal(size=rows).astype(np.float32),
        "cube": random.integers(0, 9, (rows, 2, 3)),
        "nothing": np.zeros((rows, 0), np.float32),
        "no texts": np.zeros((rows, 0), object),
        "classes": random.choice(np.array(texts, object), (rows, 3)),
        "large": random.normal(size=(rows, 100)),
    }
    made = LogEncoder("predict", "examples").encode(records, outputs)
    for row, record in enumerate(records):
        log = prediction_log_pb2.PredictionLog()
        request, response = log.predict_log.request, log.predict_log.response
        request.model_spec.signature_name = response.model_spec.signature_name = "predict"
        request.inputs["examples"].CopyFrom(tf.make_tensor_proto([record]))
        for name, values in outputs.items():
            one = values[row : row + 1]
            proto = response.outputs[name]
            proto.dtype = tf.as_dtype(one.dtype).as_datatype_enum
            for size in one.shape:
                proto.tensor_shape.dim.add().size = size
            if one.dtype == object:
                proto.string_val.extend(one.ravel().tolist())
            else:
                proto.tensor_content = one.tobytes()
        assert made[row] == log.SerializeToString(deterministic=True)
