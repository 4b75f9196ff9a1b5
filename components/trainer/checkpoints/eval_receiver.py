"""What an `eval_input_receiver_fn` of the EvalSavedModel era says, kept as JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import DamagedFileError, EstimatorTypeError
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import read

__all__ = ["RECORD", "record_eval_receiver", "recorded_label"]

_log = logging.getLogger(__name__)
RECORD = "eval_input_receiver.json"


def record_eval_receiver(eval_input_receiver_fn: Callable[[], Any], folder: str) -> str:
    """Calls the function in a graph of its own and writes down what it receives.

    Args:
        eval_input_receiver_fn: returns an EvalInputReceiver.
        folder: where to write `eval_input_receiver.json`: an object with "features"
            and "labels", each name -> dtype; a lone tensor is called "". Where the label
            is one of the features, as it was in that era's modules, "label_key" names it.

    Returns:
        The path written.

    Raises:
        EstimatorTypeError: if the function returns something else.
    """
    with tf.Graph().as_default():
        receiver = eval_input_receiver_fn()
        if not hasattr(receiver, "features"):
            raise EstimatorTypeError(
                f"eval_input_receiver_fn returned {type(receiver).__qualname__}",
                expected="tfma.export.EvalInputReceiver(features=, labels=, receiver_tensors=)",
                fix="return such a receiver, or leave eval_input_receiver_fn out: "
                "EstimatorEvaluator does not need it",
            )
        labels = getattr(receiver, "labels", None)  # a receiver may have none
        record: dict[str, Any] = {
            "features": _dtypes(receiver.features),
            "labels": _dtypes(labels),
        }
        if (label_key := _label_among(receiver.features, labels)) is not None:
            record["label_key"] = label_key
    path = f"{folder}/{RECORD}"
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(dumps(record, indent=2, sort_keys=True))
    return path


def recorded_label(*folders: str) -> str | None:
    """The feature that recorded receivers take for the label; None if they do not agree.

    Args:
        folders: that records were written into, or below: a module that exports an
            EvalSavedModel by itself chooses where.
    """
    labels = {
        _label_in(f"{inside}/{RECORD}")
        for folder in folders
        for inside, _, names in tf.io.gfile.walk(folder)
        if RECORD in names
    }
    return labels.pop() if len(labels) == 1 else None


def _label_in(path: str) -> str | None:
    try:
        label = read(path, dict[str, Any], files_for(path)).get("label_key")
    except DamagedFileError as error:
        _log.warning("no label is taken from it: %s", error)
        return None
    return label if isinstance(label, str) else None


def _label_among(features: Any, labels: Any) -> str | None:
    if not isinstance(features, Mapping) or labels is None:
        return None
    alone = list(labels.values()) if isinstance(labels, Mapping) else [labels]
    if len(alone) != 1:
        return None
    label = _origin(alone[0])
    return next((name for name, tensor in features.items() if _origin(tensor) is label), None)


def _origin(tensor: Any) -> Any:
    """A tensor without the identities around it, in which TFMA 0.46 wraps each."""
    while isinstance(tensor, tf.Tensor) and tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tensor


def _dtypes(tensors: Any) -> dict[str, str]:
    if tensors is None:
        return {}
    named = tensors if isinstance(tensors, Mapping) else {"": tensors}
    return {name: tensor.dtype.name for name, tensor in named.items()}
