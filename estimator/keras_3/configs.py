"""Configurations of Keras 3's layers, losses and metrics as Keras 2 writes them."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from tfx_estimators.errors import KerasConversionError

__all__ = ["keras_2", "options", "plain", "refusal"]


def keras_2(path: str = "") -> Any:
    """Keras 2, or a module of it."""
    return importlib.import_module(f"tf_keras.{path}" if path else "tf_keras")


def refusal(model: Any, reason: str) -> KerasConversionError:
    """The error that says why a model is not converted."""
    return KerasConversionError(
        f"the model {getattr(model, 'name', model)!r} is a Keras 3 model and {reason}",
        expected="a Keras 2 model, or a Keras 3 model that converts to Keras 2: estimators "
        "train in TensorFlow 1 graphs, which Keras 3 layers cannot build",
        fix="make the model with tf_keras: `import tf_keras` "
        "and tf_keras.layers, tf_keras.Model in place of tf.keras",
    )


def options(model: Any, old: type, new: type, config: dict[str, Any], of: str) -> dict[str, Any]:
    """A configuration without what the Keras 2 class does not know and does not need."""
    known = _parameters(new)
    defaults = _parameters(old)
    kept = {}
    for name, value in config.items():
        if name in known:
            kept[name] = plain(model, value)
        elif value not in (None, False) and value != defaults.get(name):
            raise refusal(model, f"Keras 2 has no option {name}={value!r} of its {of}")
    return kept


def _parameters(cls: type) -> dict[str, Any]:
    """Names and defaults of a class's arguments and of those it passes on."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            found |= {p.name: p.default for p in parameters if p.kind is not p.VAR_KEYWORD}
    found.pop("self", None)
    return found


def plain(model: Any, value: Any) -> Any:
    """A configuration's value as Keras 2 writes it."""
    if isinstance(value, list | tuple):
        return type(value)(plain(model, item) for item in value)
    if not isinstance(value, dict):
        return value
    if "class_name" not in value or "config" not in value:
        return {name: plain(model, item) for name, item in value.items()}
    kind, module, config = value["class_name"], value.get("module") or "", value["config"]
    if kind == "DTypePolicy":
        return config["name"]
    if kind in ("__tuple__", "__numpy__") or module.partition(".")[0] != "keras":
        raise refusal(model, f"{value.get('registered_name') or kind} is not part of Keras")
    namespace = module.rpartition(".")[2]
    old = getattr(getattr(importlib.import_module("keras"), namespace, None), kind, None)
    new = getattr(keras_2(namespace), kind, None)
    if old is None or new is None:
        raise refusal(model, f"it has a {kind}, which Keras 2 lacks")
    return {"class_name": kind, "config": options(model, old, new, config, kind)}
