"""Which class each output of a model stands for, as its predictions say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfx_estimators.components.saved_model import read_saved_model

__all__ = ["classes_in_graph", "classes_in_model"]

_SIGNATURE = "predict"
# What the heads call the names of all classes, the multi-label head "classes".
_OUTPUTS = ("all_classes", "classes")


def classes_in_graph(predictions: Any) -> dict[str, list[str] | None]:
    """Names of the classes in the order of the outputs, by the prediction that has them.

    Args:
        predictions: of an EstimatorSpec.

    Returns:
        None for a prediction whose classes are numbers.
    """
    found: dict[str, list[str] | None] = {}
    for key, tensor in predictions.items() if isinstance(predictions, Mapping) else ():
        name = "/".join(key) if isinstance(key, tuple) else str(key)
        if name.rpartition("/")[2] in _OUTPUTS:
            op = tensor.op
            while op.inputs:
                op = op.inputs[0].op
            found[name] = _names(op.node_def)
    return found


def classes_in_model(saved_model: str) -> dict[str, list[str] | None]:
    """The same of an exported model, which is not loaded; empty where it does not say.

    Raises:
        SavedModelError: if it cannot be parsed.
    """
    found: dict[str, list[str] | None] = {}
    for graph in read_saved_model(saved_model).meta_graphs:
        nodes = {node.name: node for node in graph.graph_def.node}
        for name, output in graph.signature_def[_SIGNATURE].outputs.items():
            if name.rpartition("/")[2] in _OUTPUTS:
                node = nodes[output.name.partition(":")[0]]
                while node.input and not node.input[0].startswith("^"):
                    node = nodes[node.input[0].partition(":")[0]]
                found[name] = _names(node)
    return found


def _names(node: Any) -> list[str] | None:
    """The strings that a constant holds."""
    if node.op != "Const" or node.attr["dtype"].type != tf.string.as_datatype_enum:
        return None
    values = tf.make_ndarray(node.attr["value"].tensor).ravel()
    return [value.decode("utf-8", "backslashreplace") for value in values]
