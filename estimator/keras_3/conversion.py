"""Keras 3 models for `model_to_estimator`: made again in Keras 2 where that is faithful.

Estimators train in TensorFlow 1 graphs, which Keras 3 layers cannot build. A Sequential or
functional model of layers that both have is made again from its configuration, with its
weights, and must give the same outputs; everything else is refused with the reason.

Private names relied on, seen in Keras 3.12 to 3.15: `Function._run_through_graph` and
`Function._inputs_struct` of functional models.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from tfx_estimators.estimator.keras_3.compilation import compile_arguments
from tfx_estimators.estimator.keras_3.configs import keras_2, options, refusal

__all__ = ["in_keras_2", "is_keras_3"]

_TOLERANCE = 1e-4
_ROWS = 3
# Keras 2's from_config wants the shapes that such a layer was built with.
_MADE_BY_ARGUMENTS = {"MultiHeadAttention"}
_OPTIONAL_SIZE = 5  # stands for a dimension of unknown size
_REGULARIZED = (
    "beta", "bias", "depthwise", "embeddings", "gamma", "kernel", "pointwise", "recurrent",
)  # fmt: skip


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
            made.compile(**compile_arguments(model))
    return made


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
        raise refusal(model, "has not been built: it does not know the shape of its input yet")
    if isinstance(model, keras.Sequential):
        (tensor,) = model.inputs
        made = keras_2().Sequential(
            [_input(model, tensor), *map(layer_of, model.layers)], name=model.name
        )
    elif hasattr(model, "_run_through_graph") and _is_own(type(model)):
        inputs = keras.tree.map_structure(
            lambda tensor: _input(model, tensor), model._inputs_struct
        )
        outputs = model._run_through_graph(
            keras.tree.flatten(inputs), operation_fn=lambda operation: layer_of(operation)
        )
        made = keras_2().Model(inputs, outputs, name=model.name)
    else:
        kind = type(model).__name__
        raise refusal(model, f"has its own class, {kind}, whose code only Keras 3 can run")
    leaves = [pair for pair in pairs.values() if not isinstance(pair[0], keras.Model)]
    return made, leaves


def _input(model: Any, tensor: Any) -> Any:
    if tensor.dtype == "string":
        raise refusal(model, "takes strings, for which its conversion cannot be checked")
    batch, *shape = tensor.shape
    return keras_2().Input(
        shape,
        batch_size=batch,
        name=tensor._keras_history.operation.name if _has_history(tensor) else tensor.name,
        dtype=tensor.dtype,
        sparse=bool(getattr(tensor, "sparse", False)),
    )


def _has_history(tensor: Any) -> bool:
    return getattr(tensor, "_keras_history", None) is not None


def _is_own(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "keras"


def _layer(model: Any, old: Any) -> Any:
    keras = importlib.import_module("keras")
    kind = type(old).__name__
    if not isinstance(old, keras.Layer):
        raise refusal(model, f"uses the operation {kind} of keras.ops, which Keras 2 lacks")
    if not _is_own(type(old)) or kind == "Lambda":
        raise refusal(model, f"its layer {old.name!r}, a {kind}, is code that only Keras 3 can run")
    cls = getattr(keras_2("layers"), kind, None)
    if cls is None:
        raise refusal(model, f"its layer {old.name!r} is a {kind}, which Keras 2 lacks")
    config = options(model, type(old), cls, old.get_config(), f"layer {old.name!r}")
    if not old.trainable:
        # Keras 3 regularizes what is trained, Keras 2 everything.
        config |= dict.fromkeys({f"{of}_regularizer" for of in _REGULARIZED} & set(config))
    try:
        return cls(**config) if kind in _MADE_BY_ARGUMENTS else cls.from_config(config)
    except (KeyError, TypeError, ValueError, ImportError) as error:
        raise refusal(
            model, f"its layer {old.name!r} cannot be rebuilt in Keras 2: {error}"
        ) from error


def _take_weights(model: Any, old: Any, new: Any) -> None:
    try:
        new.set_weights(old.get_weights())
    except ValueError as error:
        raise refusal(model, f"the weights of its layer {old.name!r} do not fit") from error


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
            raise refusal(model, "gives different outputs when rebuilt in Keras 2")
    wanted, added = (float(sum(map(float, one.losses))) for one in (model, made))
    if not np.isclose(wanted, added, _TOLERANCE, _TOLERANCE):
        raise refusal(model, "regularizes differently when rebuilt in Keras 2")
    old_trained = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    new_trained = sum(int(np.prod(w.shape)) for w in made.trainable_weights)
    if old_trained != new_trained:
        raise refusal(model, "would train different weights when rebuilt in Keras 2")
