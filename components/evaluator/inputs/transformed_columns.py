"""Columns that the transform graph makes from raw examples, such as the label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from tfx_estimators.errors import CorruptRecordError, DataError
from tfx_estimators.estimator.eager import eagerly

__all__ = ["TransformedColumns", "transformed_names"]


def transformed_names(transform_graph: str) -> frozenset[str]:
    """Names of the features that a transform graph makes."""
    return frozenset(tft.TFTransformOutput(transform_graph).transformed_feature_spec())


class TransformedColumns:
    """Applies a transform graph and keeps some of its outputs.

    Args:
        transform_graph: URI of a TransformGraph artifact.
        keys: the wanted outputs; TensorFlow prunes what only the others need.

    Attributes:
        fixed: whether each of them has as many values in every example.
    """

    def __init__(self, transform_graph: str, keys: Sequence[str]) -> None:
        output = tft.TFTransformOutput(transform_graph)
        raw_spec = output.raw_feature_spec()
        with eagerly():
            layer = output.transform_features_layer()
        self._uri = transform_graph
        specs = output.transformed_feature_spec()
        self.fixed = {key: isinstance(specs[key], tf.io.FixedLenFeature) for key in keys}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def apply(records: tf.Tensor) -> dict[str, Any]:
            transformed = layer(tf.io.parse_example(records, raw_spec))
            return {key: transformed[key] for key in keys}

        self._apply = apply

    def __call__(self, records: Sequence[bytes]) -> dict[str, list[list[Any]]]:
        """Computes the columns.

        Args:
            records: serialized raw tf.Examples.

        Returns:
            key -> one list of values an example, empty where it has none.

        Raises:
            CorruptRecordError: if the graph cannot parse the records.
            DataError: if it fails on them.
        """
        with eagerly():
            columns = self._columns(records)
            return {key: _rows(value, len(records)) for key, value in columns.items()}

    def tensors(self, records: Sequence[bytes]) -> dict[str, Any]:
        """The same as arrays, or for sparse columns as `SparseTensorValue`s."""
        with eagerly():
            return {key: _array(value) for key, value in self._columns(records).items()}

    def _columns(self, records: Sequence[bytes]) -> dict[str, Any]:
        try:
            columns: dict[str, Any] = self._apply(tf.constant(list(records), dtype=tf.string))
        except tf.errors.InvalidArgumentError as error:
            raise CorruptRecordError(
                f"the transform graph {self._uri} does not accept an example: {error.message}",
                expected="raw examples with the features the transform was fitted on",
                fix="check the examples against the schema with ExampleValidator",
            ) from error
        except tf.errors.OpError as error:
            raise DataError(f"the transform graph {self._uri} failed: {error.message}") from error
        return columns


def _array(value: Any) -> Any:
    if isinstance(value, tf.RaggedTensor):
        value = value.to_sparse()
    if not isinstance(value, tf.SparseTensor):
        return value.numpy()
    return tf.compat.v1.SparseTensorValue(
        value.indices.numpy(), value.values.numpy(), value.dense_shape.numpy()
    )


def _rows(value: Any, size: int) -> list[list[Any]]:
    if isinstance(value, tf.RaggedTensor):
        return [np.ravel(row).tolist() for row in value.numpy()]
    if isinstance(value, tf.SparseTensor):
        rows: list[list[Any]] = [[] for _ in range(size)]
        for index, item in zip(value.indices.numpy()[:, 0], value.values.numpy(), strict=True):
            rows[index].append(item)
        return rows
    return list(value.numpy().reshape(size, -1).tolist())
