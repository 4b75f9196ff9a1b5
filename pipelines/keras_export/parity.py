"""How far a Keras model's predictions are from those of the model that it was made of."""

from __future__ import annotations

import dataclasses
import math
import pathlib
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from tfx_estimators.components.example_encoding import ExampleEncoder
from tfx_estimators.components.output_columns import prediction_heads
from tfx_estimators.components.saved_model import SignatureCall
from tfx_estimators.errors import DataError
from tfx_estimators.pipelines.prediction.feature_types import feature_types
from tfx_estimators.pipelines.prediction.input_rows import read_rows

__all__ = ["Parity", "compare_predictions", "keras_inputs"]

_MISSING = {"string": b"", "int64": -1, "float32": math.nan}


@dataclasses.dataclass(frozen=True)
class Parity:
    """What a comparison has found.

    Attributes:
        rows: how many examples were compared.
        difference: the largest absolute difference of two predictions.
    """

    rows: int
    difference: float


def compare_predictions(model: Any, signature: SignatureCall, data: pathlib.Path) -> Parity:
    """Compares the predictions for the rows of a file.

    Args:
        model: the Keras model.
        signature: of the estimator's SavedModel.
        data: a CSV, Parquet or TFRecord file with raw features.

    Raises:
        DataError: if the file cannot be read, or does not fit the model.
    """
    (head,) = prediction_heads(signature)
    encoder = ExampleEncoder(schema_pb2.Schema().SerializeToString())
    rows, difference = 0, 0.0
    for _, features in read_rows(data, feature_types(signature)):
        if not features.num_rows:
            continue
        expected = signature(encoder.encode(features), [head.prediction])[head.prediction]
        values = {
            name: column.to_pylist()
            for name, column in zip(features.schema.names, features.columns, strict=True)
        }
        found = np.asarray(model(keras_inputs(model, values), training=False))
        apart = np.abs(found - expected.reshape(found.shape))
        difference = max(difference, float(apart.max()))
        rows += features.num_rows
    if not rows:
        raise DataError(f"{data} has no rows", expected="at least one row", fix="check the file")
    return Parity(rows, difference)


def keras_inputs(model: Any, values: dict[str, list[list[Any]]]) -> dict[str, Any]:
    """Rows as the model takes them: missing values are "", -1 or NaN.

    Args:
        model: the Keras model.
        values: the values of each example, by feature.

    Raises:
        DataError: if an example has more values than the model reads.
    """
    import tensorflow as tf

    made = {}
    for name, tensor in model.input.items():
        lists, width = values[name], tensor.shape[1]
        longest = max(map(len, lists))
        if width is not None and longest > width:
            raise DataError(
                f"an example has {longest} values of {name!r}",
                expected=f"at most {width}, which the Keras model reads",
                fix="leave the example out",
            )
        filled = max(longest, 1) if width is None else width
        missing = [_MISSING[tensor.dtype]]
        rows = [[*row, *missing * (filled - len(row))] for row in lists]
        made[name] = tf.constant(rows, tf.as_dtype(tensor.dtype))
    return made
