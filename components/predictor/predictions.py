"""Predictions as records: PredictionLog messages, or examples with more features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tfx_estimators.components.saved_model import SignatureCall
from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["PredictExamples", "PredictLogs"]


class PredictLogs(beam.DoFn):
    """Lists of serialized tf.Examples -> serialized PredictionLogs, one an example.

    Each holds the request and, under the signature's output names, the response with a
    batch dimension of 1, as TFX's RunInference writes it.

    Args:
        signature: what to call.
    """

    def __init__(self, signature: SignatureCall) -> None:
        self._signature = signature

    def setup(self) -> None:
        """Loads the model, once a process."""
        self._signature.load()

    def process(self, records: list[bytes]) -> Iterator[bytes]:
        """Predicts one batch."""
        outputs = self._signature(records)
        for row, record in enumerate(records):
            log = prediction_log_pb2.PredictionLog()
            request, response = log.predict_log.request, log.predict_log.response
            request.model_spec.signature_name = self._signature.name
            response.model_spec.signature_name = self._signature.name
            request.inputs[self._signature.input_name].CopyFrom(
                _tensor_proto(np.array([record], dtype=object))
            )
            for name, values in outputs.items():
                response.outputs[name].CopyFrom(_tensor_proto(values[row : row + 1]))
            yield log.SerializeToString()


class PredictExamples(beam.DoFn):
    """Lists of serialized tf.Examples -> the same with predictions as features.

    Args:
        signature: what to call.
        features: output name -> feature name.
    """

    def __init__(self, signature: SignatureCall, features: Mapping[str, str]) -> None:
        self._signature = signature
        self._features = dict(features)

    def setup(self) -> None:
        """Loads the model, once a process."""
        self._signature.load()

    def process(self, records: list[bytes]) -> Iterator[bytes]:
        """Predicts one batch."""
        outputs = self._signature(records, list(self._features))
        flat = {
            name: outputs[output].reshape(len(records), -1)
            for output, name in self._features.items()
        }
        for row, record in enumerate(records):
            example = tf.train.Example.FromString(record)
            for name, values in flat.items():
                if name in example.features.feature:
                    raise UnsupportedOptionError(
                        f"output_features: the examples already have a feature {name!r}",
                        expected="names that are new to the examples",
                        fix="choose another name for the prediction",
                    )
                _set_feature(example.features.feature[name], values[row])
            yield example.SerializeToString()


def _tensor_proto(values: Any) -> Any:
    # tf.make_tensor_proto does the same, ten times slower.
    proto = prediction_log_pb2.PredictionLog().predict_log.request.inputs["examples"]
    shape = values.shape
    if values.dtype == object:
        proto.dtype = tf.string.as_datatype_enum
        proto.string_val.extend(values.ravel().tolist())
    else:
        proto.dtype = tf.as_dtype(values.dtype).as_datatype_enum
        proto.tensor_content = values.tobytes()
    for size in shape:
        proto.tensor_shape.dim.add().size = size
    return proto


def _set_feature(feature: Any, values: Any) -> None:
    if values.dtype == object:
        feature.bytes_list.value.extend(values.tolist())
    elif values.dtype.kind in "iub":
        feature.int64_list.value.extend(values.astype(np.int64).tolist())
    else:
        feature.float_list.value.extend(values.astype(np.float32).tolist())
