"""Predictions as records: PredictionLog messages, or examples with more features; or as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf

from tfx_estimators.components.example_columns import Form, as_columns
from tfx_estimators.components.output_columns import (
    beside,
    output_columns,
    outputs_of,
    prediction_heads,
)
from tfx_estimators.components.predictor.log_encoding import LogEncoder
from tfx_estimators.components.record_batches import DecodeRecords
from tfx_estimators.components.saved_model import SignatureCall
from tfx_estimators.errors import SavedModelError, UnsupportedOptionError

__all__ = ["PredictExamples", "PredictLogs", "PredictRows"]


class PredictLogs(beam.DoFn):
    """Lists of serialized tf.Examples -> lists of serialized PredictionLogs, one an example.

    Each holds the request and, under the signature's output names, the response with a
    batch dimension of 1, as TFX's RunInference writes it.

    Args:
        signature: what to call.
    """

    def __init__(self, signature: SignatureCall) -> None:
        self._signature = signature
        self._encoder: Any = None

    def setup(self) -> None:
        """Loads the model, once a process."""
        self._signature.load()
        self._encoder = LogEncoder(self._signature.name, self._signature.input_name)

    def process(self, records: list[bytes]) -> Iterator[list[bytes]]:
        """Predicts one batch.

        Raises:
            SavedModelError: if an output has not one row an example.
        """
        yield self._encoder.encode(records, _predict(self._signature, records))


class PredictExamples(beam.DoFn):
    """Lists of serialized tf.Examples -> lists of the same with predictions as features.

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

    def process(self, records: list[bytes]) -> Iterator[list[bytes]]:
        """Predicts one batch.

        Raises:
            SavedModelError: if an output has not one row an example.
            UnsupportedOptionError: if an example already has one of the features.
        """
        outputs = _predict(self._signature, records, list(self._features))
        flat = {
            name: outputs[output].reshape(len(records), -1)
            for output, name in self._features.items()
        }
        predicted = []
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
            predicted.append(example.SerializeToString(deterministic=True))
        yield predicted


class PredictRows(beam.DoFn):
    """Lists of serialized tf.Examples -> their features and predictions as record batches.

    Args:
        signature: what to call.
    """

    def __init__(self, signature: SignatureCall) -> None:
        self._signature = signature
        self._heads = prediction_heads(signature)
        self._decode = DecodeRecords(None, None)

    def setup(self) -> None:
        """Loads the model, once a process."""
        self._signature.load()
        self._decode.setup()

    def process(self, records: list[bytes], forms: Mapping[str, Form]) -> Iterator[pa.RecordBatch]:
        """Predicts one batch.

        Args:
            records: serialized tf.Examples.
            forms: of the columns of all examples.

        Raises:
            SavedModelError: if an output has not one row an example.
            DataError: if the examples have a feature with the name of a prediction.
        """
        (batch,) = self._decode.process(records)
        wanted = outputs_of(self._signature, self._heads)
        made = output_columns(self._heads, _predict(self._signature, records, wanted))
        yield beside(as_columns(batch, forms), made, "a split of the examples")


def _predict(
    signature: SignatureCall, records: list[bytes], outputs: Sequence[str] | None = None
) -> dict[str, Any]:
    found = signature(records, outputs)
    for name, values in found.items():
        if values.shape[:1] != (len(records),):
            raise SavedModelError(
                f"the output {name!r} of the model in {signature.path} has the shape "
                f"{list(values.shape)} for {len(records)} examples",
                expected="one row an example",
                fix="export the model without that output, or with one that has a batch dimension",
            )
    return found


def _set_feature(feature: Any, values: Any) -> None:
    if values.dtype == object:
        feature.bytes_list.value.extend(values.tolist())
    elif values.dtype.kind in "iub":
        feature.int64_list.value.extend(values.astype(np.int64).tolist())
    else:
        feature.float_list.value.extend(values.astype(np.float32).tolist())
