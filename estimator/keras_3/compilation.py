"""How a Keras 3 model was compiled, for Keras 2."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from tfx_estimators.estimator.keras_3.configs import keras_2, options, refusal

__all__ = ["compile_arguments"]

# Options of Keras 3's optimizers that do nothing with these values.
_IDLE = {
    "weight_decay": (None, 0.0),
    "use_ema": (False,),
    "loss_scale_factor": (None,),
    "gradient_accumulation_steps": (None, 1),
}
_EMA = ("ema_momentum", "ema_overwrite_frequency")


def compile_arguments(model: Any) -> dict[str, Any]:
    """What the Keras 2 model's `compile` is given.

    Raises:
        KerasConversionError: if Keras 2 has not what it would be.
    """
    config = model.get_compile_config() or {}
    if config.get("weighted_metrics"):
        raise refusal(model, "has weighted metrics, which estimators from Keras do not support")
    return {
        "optimizer": _optimizer(model, model.optimizer),
        "loss": _nested(model, config.get("loss"), "losses"),
        "loss_weights": config.get("loss_weights"),
        "metrics": _nested(model, config.get("metrics"), "metrics"),
    }


def _optimizer(model: Any, old: Any) -> Any:
    kind = type(old).__name__
    cls = getattr(keras_2("optimizers.legacy"), kind, None)
    if cls is None:
        raise refusal(model, f"its optimizer {kind} does not work in TensorFlow 1 graphs")
    config = dict(old.get_config())
    for name, idle in _IDLE.items():
        if config.pop(name, idle[0]) not in idle:
            raise refusal(model, f"its optimizer {kind} has {name}, which Keras 2's lacks")
    kept = {name: value for name, value in config.items() if name not in _EMA and value is not None}
    rate = kept.get("learning_rate")
    if isinstance(rate, dict):
        schedule = getattr(keras_2("optimizers.schedules"), rate["class_name"], None)
        if schedule is None:
            raise refusal(model, f"its learning rate {rate['class_name']} is not in Keras 2")
        kept["learning_rate"] = schedule(**rate["config"])
    try:
        return cls(**kept)
    except (TypeError, ValueError) as error:
        raise refusal(model, f"its optimizer {kind} cannot be made in Keras 2: {error}") from error


def _nested(model: Any, value: Any, namespace: str) -> Any:
    """Losses or metrics: names, instances, and lists and dicts of them."""
    make: Callable[[Any], Any] = lambda item: _nested(model, item, namespace)  # noqa: E731
    if isinstance(value, list | tuple):
        return [make(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value or "config" not in value:
        return {name: make(item) for name, item in value.items()}
    kind, config = value["class_name"], value["config"]
    name = config if kind == "function" else kind
    there = getattr(keras_2(namespace), str(name), None)
    keras = importlib.import_module("keras")
    if there is None or not hasattr(getattr(keras, namespace), str(name)):
        raise refusal(model, f"{name} of its {namespace} is not part of Keras")
    if kind == "function":
        return name
    old = getattr(getattr(keras, namespace), kind)
    return there(**options(model, old, there, config, f"{namespace[:-1]} {kind}"))
