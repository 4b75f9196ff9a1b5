"""Keras models as estimators: Keras 2 as ever, Keras 3 where it can be made again."""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import keras_models
import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators import errors

DATA = pathlib.Path(__file__).parents[1] / "testdata" / "estimator"
FIGURES = json.loads((DATA / "figures.json").read_text())["figures"]["Keras"]
ROOT = pathlib.Path(__file__).parents[2]
WITHOUT_ESTIMATORS = tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 16)

pytestmark = [
    pytest.mark.usefixtures("activated"),
    pytest.mark.conformance("Keras"),
]
only_with_keras_3 = pytest.mark.skipif(not WITHOUT_ESTIMATORS, reason="TensorFlow 2.15 has Keras 2")


@pytest.mark.stacks
def test_metrics_are_those_of_tensorflow_2_15(differs: Callable[..., float]) -> None:
    found = keras_models.figures()
    assert set(found) == set(FIGURES)
    for name, metrics in found.items():
        assert differs(metrics, FIGURES[name]) <= 1e-5


@pytest.mark.stacks
def test_the_initial_weights_are_kept_and_what_is_frozen_stays() -> None:
    model = keras_models.two_layers()
    model.get_layer("hidden").trainable = False
    model.compile(keras_models.keras_2().optimizers.legacy.SGD(0.5), loss="mse")
    hidden, _, output, _ = model.get_weights()
    made = tf.keras.estimator.model_to_estimator(model)
    made.train(keras_models.read, steps=2)
    names = "layer_with_weights-{}/kernel/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(made.get_variable_value(names.format(0)), hidden)
    assert not np.allclose(made.get_variable_value(names.format(1)), output)


@pytest.mark.stacks
def test_an_estimator_predicts_and_exports_what_the_model_gives(tmp_path: pathlib.Path) -> None:
    model = keras_models.two_layers()
    numbers = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    expected = model.predict(numbers, verbose=0)
    made = tf.keras.estimator.model_to_estimator(model, model_dir=str(tmp_path / "model"))

    def read() -> Any:
        return tf.data.Dataset.from_tensors({"numbers": numbers})

    found = np.stack([row["output"] for row in made.predict(read)])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    made.train(keras_models.read, steps=1)
    receiver = tf.estimator.export.build_raw_serving_input_receiver_fn
    with tf.Graph().as_default():
        made_folder = made.export_saved_model(
            str(tmp_path / "exports"),
            lambda: receiver({"numbers": tf.compat.v1.placeholder(tf.float32, [None, 3])})(),
        ).decode()
    served = tf.saved_model.load(made_folder).signatures["serving_default"](tf.constant(numbers))
    trained = np.stack([row["output"] for row in made.predict(read)])
    np.testing.assert_allclose(served["output"], trained, atol=1e-6)


def keras_3() -> Any:
    return importlib.import_module("keras")


def of_many_layers() -> Any:
    """Convolutions, batch norm, shared and nested layers, a recurrent layer, an embedding."""
    keras = keras_3()
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    words = keras.Input((5,), dtype="int32", name="words")
    base = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, padding="same", use_bias=False, kernel_regularizer="l2"),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(max_value=6.0),
            layers.DepthwiseConv2D(3, strides=2),
        ],
        name="base",
    )
    base.trainable = False
    shared = layers.Dense(4, activation="tanh", name="shared")
    seen = shared(layers.GlobalAveragePooling2D()(base(image)))
    embedded = layers.Embedding(4, 4, name="embedded")(words)
    attended = layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(embedded, embedded))
    read = shared(layers.Bidirectional(layers.LSTM(2))(attended))
    both = layers.Concatenate()([seen, layers.Dropout(0.5)(read), layers.Multiply()([seen, read])])
    outputs = {
        "kind": layers.Dense(3, "softmax", name="kind", kernel_regularizer="l2")(both),
        "size": layers.Dense(1, name="size")(both),
    }
    return keras.Model({"image": image, "words": words}, outputs, name="three")


@only_with_keras_3
@pytest.mark.stacks
def test_a_keras_3_model_is_made_again_with_its_weights() -> None:
    from tfx_estimators.estimator.keras_3 import conversion

    model = of_many_layers()
    made = conversion.in_keras_2(model)
    assert not conversion.is_keras_3(made)
    generator = np.random.default_rng(8)
    features = {
        "image": generator.normal(size=(2, 8, 8, 3)).astype(np.float32),
        "words": generator.integers(4, size=(2, 5)).astype(np.int32),
    }
    found, expected = made(features), model(features)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5)
    assert made.get_layer("base").trainable is False
    np.testing.assert_allclose(sum(made.losses), sum(model.losses), rtol=1e-5)


@only_with_keras_3
@pytest.mark.stacks
def test_a_keras_3_model_trains_as_the_same_model_of_keras_2(tmp_path: pathlib.Path) -> None:
    keras = keras_3()
    inputs = keras.Input((3,), name="numbers")
    hidden = keras.layers.Dense(4, activation="relu", name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, name="output")(hidden))
    model.compile(keras.optimizers.SGD(0.05), loss=keras.losses.MeanSquaredError(), metrics=["mae"])
    keras_models.fill(model)
    file = tmp_path / "model.keras"
    model.save(file)
    for name, source in {
        "given": {"keras_model": model},
        "saved": {"keras_model_path": str(file)},
    }.items():
        made = tf.keras.estimator.model_to_estimator(**source, model_dir=str(tmp_path / name))
        metrics = made.train(keras_models.read, steps=1).evaluate(keras_models.read, steps=4)
        assert metrics == pytest.approx(FIGURES["checkpoint, 1"], abs=1e-5)


def refused() -> dict[str, tuple[Callable[[Any], Any], str]]:
    def subclass(keras: Any) -> Any:
        class Own(keras.Model):  # type: ignore[misc, name-defined]
            def call(self, x: Any) -> Any:
                return x

        own = Own()
        own(np.ones((1, 2), np.float32))
        return own

    def operation(keras: Any) -> Any:
        inputs = keras.Input((2,))
        return keras.Model(inputs, keras.ops.sin(inputs))

    def layer(keras: Any) -> Any:
        class Own(keras.layers.Dense):  # type: ignore[misc, name-defined]
            pass

        return keras.Sequential([keras.Input((2,)), Own(1, name="own")])

    def compiled(**arguments: Any) -> Callable[[Any], Any]:
        def make(keras: Any) -> Any:
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
            model.compile(**{"optimizer": "sgd", "loss": "mse", **arguments})
            return model

        return make

    return {
        "a subclass": (subclass, "has its own class, Own"),
        "an operation": (operation, "the operation Sin of keras.ops"),
        "a layer of one's own": (layer, "its layer 'own', a Own, is code"),
        "not built": (lambda keras: keras.Sequential([keras.layers.Dense(1)]), "not been built"),
        "a loss of one's own": (compiled(loss=lambda y, p: y - p), "of its losses"),
        "an optimizer": (compiled(optimizer="lion"), "its optimizer Lion"),
    }


@only_with_keras_3
@pytest.mark.parametrize("case", refused())
@pytest.mark.stacks
def test_a_keras_3_model_is_refused_with_the_reason(case: str) -> None:
    make, reason = refused()[case]
    with pytest.raises(errors.KerasConversionError) as refusal:
        tf.keras.estimator.model_to_estimator(make(keras_3()))
    assert reason in str(refusal.value)
    assert "fix: make the model with tf_keras" in str(refusal.value)


OLD_MODULE = """
import tensorflow as tf
import tensorflow.compat.v1 as v1
from tensorflow.compat.v1 import keras as keras_1
from tensorflow.compat.v1.keras import layers as layers_1
from tensorflow.compat.v1.keras.layers import Dense as Dense1
from tensorflow.keras.layers import Dense
from tensorflow.keras import estimator as keras_estimator
import tensorflow.keras.backend as K
import tensorflow.compat.v1.keras.backend as K1

def model_fn(features, labels, mode):
    hidden = v1.keras.layers.Dense(4, activation="relu")(features["x"])
    hidden = layers_1.BatchNormalization()(hidden, training=mode == "train")
    output = v1.layers.dense(hidden, 1)
    loss = v1.losses.mean_squared_error(labels, output)
    optimizer = v1.keras.optimizers.SGD(0.01)
    train_op = v1.train.AdamOptimizer(0.01).minimize(loss, v1.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

def model():
    made = keras_1.models.Sequential([Dense1(2, input_shape=(1,)), Dense(1)])
    made.compile(loss="mse", optimizer=tf.keras.optimizers.legacy.Adam(0.01))
    return made

def same():
    return (keras_1 is v1.keras, keras_1.layers is layers_1, layers_1.Dense is Dense1,
            v1.keras.layers.GRU is not tf.keras.layers.GRU, K1.get_session, K.clear_session)
"""


@only_with_keras_3
@pytest.mark.slow
def test_an_old_module_finds_keras_2_wherever_it_looks_for_it(tmp_path: pathlib.Path) -> None:
    """`tf.keras`, `tf.compat.v1.keras` and `tf.layers` as on TensorFlow 2.15, in any spelling."""
    (tmp_path / "old_module.py").write_text(OLD_MODULE)
    program = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        from tfx_estimators import estimator
        from tfx_estimators.estimator import loading
        estimator.activate()
        loading.give_keras_2(module="old_module")
        import old_module, tensorflow as tf
        assert all(old_module.same()), old_module.same()
        read = lambda: tf.data.Dataset.from_tensors(({{"x": [[1.0]]}}, [[2.0]])).repeat(3)
        made = tf.estimator.Estimator(old_module.model_fn)
        assert made.train(read).evaluate(read)["global_step"] == 3
        model = old_module.model()
        assert type(model).__module__.startswith("tf_keras")
        pairs = lambda: tf.data.Dataset.from_tensors(([[1.0]], [[2.0]])).repeat(3)
        made = old_module.keras_estimator.model_to_estimator(model)
        print(made.train(pairs).evaluate(pairs)["global_step"])
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT / "src")},
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert answer.stdout.split()[-1] == "3"
