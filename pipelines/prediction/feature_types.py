"""Which features a SavedModel reads from a tf.Example, and of which types."""

from __future__ import annotations

import enum
from typing import Any

from tfx_estimators.components.saved_model import SignatureCall
from tfx_estimators.errors import SavedModelError

__all__ = ["FeatureType", "feature_types"]

_PARSER = "ParseExampleV2"
# Its inputs: the records, their names, and the names of the features.
_SPARSE, _DENSE, _RAGGED = 2, 3, 4


class FeatureType(enum.Enum):
    """The types of features, by the names that TensorFlow has for them."""

    INTEGER = "int64"
    NUMBER = "float32"
    TEXT = "string"


def feature_types(signature: SignatureCall) -> dict[str, FeatureType]:
    """The features that a signature parses out of its examples.

    Raises:
        SavedModelError: if its graph does not say.
    """
    graph = signature.load().graph
    fed, _ = signature.tensors()
    records = graph.get_tensor_by_name(fed)
    found: dict[str, FeatureType] = {}
    for operation in graph.get_operations():
        if operation.type == _PARSER and records in operation.inputs:
            for place, types in (
                (_SPARSE, "sparse_types"),
                (_DENSE, "Tdense"),
                (_RAGGED, "ragged_value_types"),
            ):
                names = _constant(operation.inputs[place])
                kinds = operation.get_attr(types)
                found |= {
                    name.decode(): FeatureType(kind.name)
                    for name, kind in zip(names, kinds, strict=True)
                }
    if not found:
        raise SavedModelError(
            f"the model in {signature.path} does not say which features it reads",
            expected="a model that parses tf.Examples in its graph, as estimators' exports do",
            fix="predict with EstimatorPredictor, or call the model yourself",
        )
    return found


def _constant(tensor: Any) -> list[bytes]:
    import tensorflow as tf

    value = tf.get_static_value(tensor)
    return [] if value is None else list(value)
