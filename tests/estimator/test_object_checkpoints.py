"""Checkpoints of objects saved by an estimator, and of names read without one."""

from __future__ import annotations

import pathlib
from typing import Any

import custom
import keras_models
import numpy as np
import pytest
import small_data
import tensorflow as tf

pytestmark = [
    pytest.mark.stacks,
    pytest.mark.usefixtures("activated"),
    pytest.mark.conformance("object-based checkpoints"),
]


def read() -> Any:
    """The guide's toy data: five multiples of a number."""
    inputs = tf.range(10.0)[:, None]
    labels = inputs * 5.0 + tf.range(5.0)[None, :]
    return tf.data.Dataset.from_tensor_slices({"x": inputs, "y": labels}).repeat().batch(2)


def net() -> Any:
    keras = keras_models.keras_2()

    class Net(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.l1 = keras.layers.Dense(5)

        def call(self, x: Any) -> Any:
            return self.l1(x)

    return Net()


def model_fn(features: Any, labels: Any, mode: str) -> Any:
    """The guide's: a subclassed Keras model and its optimizer as one checkpoint."""
    model = net()
    optimizer = keras_models.keras_2().optimizers.legacy.Adam(0.1)
    checkpoint = tf.train.Checkpoint(
        step=tf.compat.v1.train.get_global_step(), optimizer=optimizer, net=model
    )
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.abs(model(features["x"]) - features["y"]))
    variables = model.trainable_variables
    update = optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    return tf.estimator.EstimatorSpec(
        mode,
        loss=loss,
        train_op=tf.group(update, checkpoint.step.assign_add(1)),
        scaffold=tf.compat.v1.train.Scaffold(saver=checkpoint),
    )


def test_an_object_checkpoint_is_restored_outside_and_inside(tmp_path: pathlib.Path) -> None:
    made = tf.estimator.Estimator(model_fn, str(tmp_path)).train(read, steps=10)

    optimizer, model = keras_models.keras_2().optimizers.legacy.Adam(0.1), net()
    checkpoint = tf.train.Checkpoint(
        step=tf.Variable(1, dtype=tf.int64), optimizer=optimizer, net=model
    )
    checkpoint.restore(tf.train.latest_checkpoint(str(tmp_path)))
    assert int(checkpoint.step) == 10
    model(tf.zeros([1, 1]))
    name = "net/l1/kernel/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(model.l1.kernel, made.get_variable_value(name))

    again = tf.estimator.Estimator(model_fn, str(tmp_path)).train(read, steps=5)
    checkpoint.restore(again.latest_checkpoint())
    assert int(checkpoint.step) == 15


def test_a_checkpoint_of_names_is_read_by_a_checkpoint_of_objects(tmp_path: pathlib.Path) -> None:
    made = custom.estimator(str(tmp_path)).train(small_data.input_fn(), steps=3)
    expected = {name: made.get_variable_value(name) for name in made.get_variable_names()}
    # Objects are matched by the names of their variables.
    variables = {
        name.replace("/", "_"): tf.Variable(tf.zeros_like(value), name=name)
        for name, value in expected.items()
        if name.startswith("output/") and "Adam" not in name
    }
    assert set(variables) == {"output_weights", "output_bias"}
    status = tf.train.Checkpoint(**variables).restore(made.latest_checkpoint())
    status.initialize_or_restore()
    for name, variable in variables.items():
        np.testing.assert_array_equal(variable, expected[name.replace("_", "/")])
    assert int(tf.train.load_variable(made.latest_checkpoint(), "global_step")) == 3
