"""Keras 3 models for `model_to_estimator`: made again in Keras 2 where that is faithful.

Estimators train in TensorFlow 1 graphs, which Keras 3 layers cannot build. A Sequential or
functional model of layers that both have is made again from its configuration, with its
weights, and must give the same outputs; everything else is refused with the reason.

Private names relied on, seen in Keras 3.12 to 3.15: `Function._run_through_graph` and
`Function._inputs_struct` of functional models.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tfx_estimators.errors import KerasConversionError

__all__ = ["in_keras_2", "is_keras_3"]

_TOLERANCE = 1e-4
_ROWS = 3
_OPTIONAL_SIZE = 5  # stands for a dimension of unknown size
# Options of Keras 3's optimizers that do nothing with these values.
_IDLE = {
    "weight_decay": (None, 0.0),
    "use_ema": (False,),
    "loss_scale_factor": (None,),
    "gradient_accumulation_steps": (None, 1),
}
_REGULARIZED = (
    "beta", "bias", "depthwise", "embeddings", "gamma", "kernel", "pointwise", "recurrent",
)  # fmt: skip
_EMA = ("ema_momentum", "ema_overwrite_frequency")


def is_keras_3(instance: Any) -> bool:
    """Whether an object comes from the `keras` package: on TensorFlow 2.16+ that is Keras 3."""
    return any(base.__module__.partition(".")[0] == "keras" for base in type(instance).__mro__)


def in_keras_2(model: Any) -> Any:
    """Makes a Keras 3 model again in Keras 2.

    Args:
        model: a Sequential or functional model, built; compiled if the result is to be.

    Returns:
        A `tf_keras.Model` with the same layers, names, weights, and what of them trains;
        compiled alike, with the optimizer that `tf_keras.optimizers.legacy` has under the
        same name. Outputs were compared on random inputs.

    Raises:
        KerasConversionError: if Keras 2 cannot be given the same model.
    """
    import tensorflow as tf

    with tf.init_scope():
        made, layers = _rebuilt(model)
        for old, new in layers:
            _take_weights(model, old, new)
        _compare(model, made)
        if getattr(model, "compiled", False):
            made.compile(**_compile_arguments(model))
    return made


def _keras_2(path: str = "") -> Any:
    return importlib.import_module(f"tf_keras.{path}" if path else "tf_keras")


def _refuse(model: Any, reason: str) -> KerasConversionError:
    return KerasConversionError(
        f"the model {getattr(model, 'name', model)!r} is a Keras 3 model and {reason}",
        expected="a Keras 2 model, or a Keras 3 model that Keras 2 can be given: estimators "
        "train in TensorFlow 1 graphs, which Keras 3 layers cannot build",
        fix="make the model with tf_keras: `import tf_keras` "
        "and tf_keras.layers, tf_keras.Model in place of tf.keras",
    )


def _rebuilt(model: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """The model without its weights, and its layers beside those of the new one."""
    keras = importlib.import_module("keras")
    pairs: dict[int, tuple[Any, Any]] = {}

    def layer_of(old: Any) -> Any:
        if id(old) not in pairs:
            if isinstance(old, keras.Model):
                new, inner = _rebuilt(old)
                if not old.trainable:  # set to True it would set all of its layers so
                    new.trainable = False
                pairs.update((id(one), (one, other)) for one, other in inner)
            else:
                new = _layer(model, old)
            pairs[id(old)] = (old, new)
        return pairs[id(old)][1]

    if not model.built:
        raise _refuse(model, "has not been built: it does not know the shape of its input yet")
    if isinstance(model, keras.Sequential):
        (tensor,) = model.inputs
        made = _keras_2().Sequential(
            [_input(model, tensor), *map(layer_of, model.layers)], name=model.name
        )
    elif hasattr(model, "_run_through_graph"):
        inputs = keras.tree.map_structure(
            lambda tensor: _input(model, tensor), model._inputs_struct
        )
        outputs = model._run_through_graph(
            keras.tree.flatten(inputs), operation_fn=lambda operation: layer_of(operation)
        )
        made = _keras_2().Model(inputs, outputs, name=model.name)
    else:
        kind = type(model).__name__
        raise _refuse(model, f"a class of its own, {kind}, whose code only Keras 3 can run")
    leaves = [pair for pair in pairs.values() if not isinstance(pair[0], keras.Model)]
    return made, leaves


def _input(model: Any, tensor: Any) -> Any:
    if tensor.dtype == "string":
        raise _refuse(model, "takes strings, for which there is nothing to compare outputs with")
    batch, *shape = tensor.shape
    return _keras_2().Input(
        shape,
        batch_size=batch,
        name=tensor._keras_history.operation.name if _has_history(tensor) else tensor.name,
        dtype=tensor.dtype,
        sparse=bool(getattr(tensor, "sparse", False)),
    )


def _has_history(tensor: Any) -> bool:
    return getattr(tensor, "_keras_history", None) is not None


def _layer(model: Any, old: Any) -> Any:
    keras = importlib.import_module("keras")
    kind = type(old).__name__
    if not isinstance(old, keras.Layer):
        raise _refuse(model, f"uses the operation {kind} of keras.ops, which Keras 2 has not")
    if type(old).__module__.partition(".")[0] != "keras" or kind == "Lambda":
        raise _refuse(model, f"its layer {old.name!r}, a {kind}, is code that only Keras 3 can run")
    cls = getattr(_keras_2("layers"), kind, None)
    if cls is None:
        raise _refuse(model, f"its layer {old.name!r} is a {kind}, which Keras 2 has not")
    config = _options(model, type(old), cls, old.get_config(), f"layer {old.name!r}")
    if not old.trainable:
        # Keras 3 regularizes what is trained, Keras 2 everything.
        config |= dict.fromkeys({f"{of}_regularizer" for of in _REGULARIZED} & set(config))
    try:
        return cls.from_config(config)
    except (TypeError, ValueError, ImportError) as error:
        raise _refuse(
            model, f"its layer {old.name!r} cannot be made in Keras 2: {error}"
        ) from error


def _options(model: Any, old: type, new: type, config: dict[str, Any], of: str) -> dict[str, Any]:
    """A configuration without what the Keras 2 class does not know and does not need."""
    known = _parameters(new)
    defaults = _parameters(old)
    kept = {}
    for name, value in config.items():
        if name in known:
            kept[name] = _plain(model, value)
        elif value not in (None, False) and value != defaults.get(name):
            raise _refuse(model, f"Keras 2 has no option {name}={value!r} of its {of}")
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


def _plain(model: Any, value: Any) -> Any:
    """A configuration's value as Keras 2 writes it."""
    if isinstance(value, list | tuple):
        return type(value)(_plain(model, item) for item in value)
    if not isinstance(value, dict):
        return value
    if "class_name" not in value or "config" not in value:
        return {name: _plain(model, item) for name, item in value.items()}
    kind, module, config = value["class_name"], value.get("module") or "", value["config"]
    if kind == "DTypePolicy":
        return config["name"]
    if kind in ("__tuple__", "__numpy__") or module.partition(".")[0] != "keras":
        raise _refuse(model, f"{value.get('registered_name') or kind} is not Keras's own")
    namespace = module.rpartition(".")[2]
    old = getattr(getattr(importlib.import_module("keras"), namespace, None), kind, None)
    new = getattr(_keras_2(namespace), kind, None)
    if old is None or new is None:
        raise _refuse(model, f"it has a {kind}, which Keras 2 has not")
    return {"class_name": kind, "config": _options(model, old, new, config, kind)}


def _take_weights(model: Any, old: Any, new: Any) -> None:
    try:
        new.set_weights(old.get_weights())
    except ValueError as error:
        raise _refuse(model, f"the weights of its layer {old.name!r} do not fit") from error


def _compare(model: Any, made: Any) -> None:
    """Runs both on the same random inputs."""
    keras = importlib.import_module("keras")
    chance = np.random.default_rng(0)

    def random(tensor: Any) -> Any:
        batch, *shape = tensor.shape
        shape = [batch or _ROWS, *(size or _OPTIONAL_SIZE for size in shape)]
        # Whole numbers may index a small table: 0 and 1 are in every table of any use.
        values = (
            chance.normal(size=shape) if "float" in tensor.dtype else chance.integers(2, size=shape)
        )
        return values.astype(tensor.dtype)

    struct = model._inputs_struct if hasattr(model, "_inputs_struct") else model.inputs[0]
    inputs = keras.tree.map_structure(random, struct)
    expected = keras.tree.flatten(model(inputs, training=False))
    found = keras.tree.flatten(made(inputs, training=False))
    pairs = [
        (np.asarray(one, np.float64), np.asarray(other, np.float64))
        for one, other in zip(expected, found, strict=True)
    ]
    for one, other in pairs:
        if one.shape != other.shape or not np.allclose(one, other, _TOLERANCE, _TOLERANCE):
            raise _refuse(model, "gives other outputs when it is made again in Keras 2")
    wanted, added = (float(sum(map(float, one.losses))) for one in (model, made))
    if not np.isclose(wanted, added, _TOLERANCE, _TOLERANCE):
        raise _refuse(model, "regularizes otherwise when it is made again in Keras 2")
    old_trained = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    new_trained = sum(int(np.prod(w.shape)) for w in made.trainable_weights)
    if old_trained != new_trained:
        raise _refuse(model, "would train other weights when it is made again in Keras 2")


def _compile_arguments(model: Any) -> dict[str, Any]:
    config = model.get_compile_config() or {}
    if config.get("weighted_metrics"):
        raise _refuse(model, "has weighted metrics, which estimators made from Keras have not")
    return {
        "optimizer": _optimizer(model, model.optimizer),
        "loss": _nested(model, config.get("loss"), "losses"),
        "loss_weights": config.get("loss_weights"),
        "metrics": _nested(model, config.get("metrics"), "metrics"),
    }


def _optimizer(model: Any, old: Any) -> Any:
    kind = type(old).__name__
    cls = getattr(_keras_2("optimizers.legacy"), kind, None)
    if cls is None:
        raise _refuse(model, f"its optimizer {kind} does not work in TensorFlow 1 graphs")
    config = dict(old.get_config())
    for name, idle in _IDLE.items():
        if config.pop(name, idle[0]) not in idle:
            raise _refuse(model, f"its optimizer {kind} has {name}, which Keras 2's has not")
    kept = {name: value for name, value in config.items() if name not in _EMA and value is not None}
    rate = kept.get("learning_rate")
    if isinstance(rate, dict):
        schedule = getattr(_keras_2("optimizers.schedules"), rate["class_name"], None)
        if schedule is None:
            raise _refuse(model, f"its learning rate {rate['class_name']} is not Keras 2's")
        kept["learning_rate"] = schedule(**rate["config"])
    try:
        return cls(**kept)
    except (TypeError, ValueError) as error:
        raise _refuse(model, f"its optimizer {kind} cannot be made in Keras 2: {error}") from error


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
    there = getattr(_keras_2(namespace), str(name), None)
    keras = importlib.import_module("keras")
    if there is None or not hasattr(getattr(keras, namespace), str(name)):
        raise _refuse(model, f"{name} of its {namespace} is not Keras's own")
    if kind == "function":
        return name
    old = getattr(getattr(keras, namespace), kind)
    return there(**_options(model, old, there, config, f"{namespace[:-1]} {kind}"))
