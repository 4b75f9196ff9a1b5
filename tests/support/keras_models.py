"""Keras 2 models for estimators, with weights that are the same everywhere."""

from __future__ import annotations

import importlib
import tempfile
from typing import Any

import numpy as np
import tensorflow as tf


def keras_2() -> Any:
    """Keras 2: TensorFlow 2.15's own, tf_keras later."""
    if tuple(map(int, tf.__version__.split(".")[:2])) < (2, 16):
        return tf.keras
    return importlib.import_module("tf_keras")


def fill(model: Any) -> None:
    """Sets a model's weights."""
    generator = np.random.default_rng(4)
    model.set_weights([generator.uniform(0.1, 0.5, size=w.shape) for w in model.get_weights()])


def two_layers() -> Any:
    """A compiled model of two dense layers."""
    keras = keras_2()
    inputs = keras.Input((3,), name="numbers")
    hidden = keras.layers.Dense(4, activation="relu", name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, name="output")(hidden))
    model.compile(keras.optimizers.legacy.SGD(0.05), loss="mse", metrics=["mae"])
    fill(model)
    return model


def read() -> Any:
    """Endless batches of 8 with "numbers" and what is to be learnt."""
    numbers = np.random.default_rng(5).normal(size=(32, 3)).astype(np.float32)
    label = numbers.sum(axis=1, keepdims=True)
    return tf.data.Dataset.from_tensor_slices(({"numbers": numbers}, label)).repeat().batch(8)


def figures() -> dict[str, dict[str, float]]:
    """Metrics with the initial weights and after ten steps, for both kinds of checkpoint."""
    found = {}
    for kind in ("checkpoint", "saver"):
        made = tf.keras.estimator.model_to_estimator(
            two_layers(), model_dir=tempfile.mkdtemp(), checkpoint_format=kind
        )
        for steps in (1, 10):
            metrics = made.train(read, steps=steps).evaluate(read, steps=4)
            found[f"{kind}, {steps}"] = {name: float(value) for name, value in metrics.items()}
    return found
