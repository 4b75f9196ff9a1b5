"""Estimators at work: the same losses as on TensorFlow 2.15, and everything around them."""

from __future__ import annotations

import importlib.util
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators import errors, estimator

DATA = pathlib.Path(__file__).parents[1] / "testdata" / "estimator"
WITHOUT_ESTIMATORS = tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 16)

pytestmark = pytest.mark.stacks


def _load(path: pathlib.Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = _load(DATA / "make_reference.py")
LOSSES = json.loads((DATA / "losses.json").read_text())["losses"]


@pytest.fixture(scope="module", autouse=True)
def _activated() -> None:
    estimator.activate()


@pytest.fixture(scope="module")
def losses() -> dict[str, float]:
    found: dict[str, float] = reference.losses(estimator, estimator.v1)
    return found


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_the_loss_is_that_of_tensorflow_2_15(name: str, losses: dict[str, float]) -> None:
    assert losses[name] == pytest.approx(LOSSES[name], rel=0, abs=1e-5)


def trained(made: Any, read: Callable[[], Any] | None = None, steps: int = 2) -> dict[str, Any]:
    read = read or reference.input_fn()
    metrics: dict[str, Any] = made.train(read, steps=steps).evaluate(read, steps=1)
    assert metrics["global_step"] == steps
    assert np.isfinite(metrics["loss"])
    return metrics


def deep() -> list[Any]:
    columns: list[Any] = reference.columns()[1]
    return columns


@pytest.mark.parametrize("kind", ["BaselineClassifier", "BaselineRegressor"])
@pytest.mark.skipif(not WITHOUT_ESTIMATORS, reason="fails on TensorFlow 2.15")
def test_a_baseline_learns_from_a_dataset(kind: str) -> None:
    trained(getattr(estimator, kind)(), reference.input_fn(np.float32))


def test_predictions_are_those_of_the_exported_model(tmp_path: pathlib.Path) -> None:
    wide, deep_columns = reference.columns()
    made = estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=wide, dnn_feature_columns=deep_columns, dnn_hidden_units=[4]
    )
    trained(made)
    features, _ = reference.examples()
    rows = made.predict(lambda: tf.data.Dataset.from_tensor_slices(features).batch(64))
    predicted = [row["probabilities"] for row in rows]

    spec = tf.feature_column.make_parse_example_spec([*wide, *deep_columns])
    receiver = estimator.export.build_parsing_serving_input_receiver_fn(spec)
    folder = made.export_saved_model(str(tmp_path), receiver).decode()
    serialized = [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    "number": tf.train.Feature(float_list=tf.train.FloatList(value=[number])),
                    "word": tf.train.Feature(bytes_list=tf.train.BytesList(value=[word.encode()])),
                }
            )
        ).SerializeToString()
        for number, word in zip(features["number"], features["word"], strict=True)
    ]
    loaded = tf.saved_model.load(folder)
    assert set(loaded.signatures) == {"serving_default", "predict", "classification", "regression"}
    served = loaded.signatures["predict"](tf.constant(serialized))["probabilities"]
    np.testing.assert_allclose(served, predicted, atol=1e-6)


def test_a_custom_model_in_three_modes(tmp_path: pathlib.Path) -> None:
    modes = []

    def model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
        modes.append(mode)
        layer = tf.compat.v1.feature_column.input_layer(features, deep())
        weights = tf.compat.v1.get_variable("weights", [layer.shape[1], params["classes"]])
        logits = tf.matmul(layer, weights)
        if mode == estimator.ModeKeys.PREDICT:
            return estimator.EstimatorSpec(mode, predictions={"class": tf.argmax(logits, 1)})
        loss = tf.compat.v1.losses.sparse_softmax_cross_entropy(labels, logits)
        accuracy = tf.compat.v1.metrics.accuracy(labels, tf.argmax(logits, 1))
        train_op = tf.compat.v1.train.AdamOptimizer().minimize(
            loss, global_step=tf.compat.v1.train.get_global_step()
        )
        return estimator.EstimatorSpec(
            mode, loss=loss, train_op=train_op, eval_metric_ops={"accuracy": accuracy}
        )

    made = estimator.Estimator(model_fn, str(tmp_path), params={"classes": 2})
    assert "accuracy" in trained(made)
    assert next(made.predict(reference.input_fn()))["class"] in (0, 1)
    assert modes == ["train", "eval", "infer"]
    assert list(tmp_path.glob("events.out.tfevents.*"))
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("model.ckpt-2")


def test_train_and_evaluate_with_an_exporter(tmp_path: pathlib.Path) -> None:
    config = estimator.RunConfig(model_dir=str(tmp_path), save_checkpoints_steps=5)
    made = estimator.DNNClassifier([4], deep(), config=config)
    spec = tf.feature_column.make_parse_example_spec(deep())
    receiver = estimator.export.build_parsing_serving_input_receiver_fn(spec)
    metrics, exports = estimator.train_and_evaluate(
        made,
        estimator.TrainSpec(reference.input_fn(), max_steps=10),
        estimator.EvalSpec(
            reference.input_fn(),
            steps=2,
            exporters=[estimator.FinalExporter("final", receiver)],
            throttle_secs=0,
        ),
    )
    assert metrics["global_step"] == 10
    assert tf.io.gfile.exists(exports[0].decode())
    assert (tmp_path / "eval").is_dir()


def test_a_mirrored_strategy_on_one_machine() -> None:
    strategy = tf.distribute.MirroredStrategy(["cpu:0"])
    config = estimator.RunConfig(train_distribute=strategy, eval_distribute=strategy)
    assert config.cluster_spec.as_dict() == {}
    trained(estimator.DNNClassifier([4], deep(), config=config))


def test_numpy_and_pandas_input_functions() -> None:
    pandas = pytest.importorskip("pandas")
    features, label = reference.examples()
    inputs = estimator.v1.inputs
    trained(
        estimator.DNNClassifier([4], deep()),
        inputs.numpy_input_fn(features, label, batch_size=16, shuffle=True),
    )
    trained(
        estimator.DNNRegressor([4], deep()),
        inputs.pandas_input_fn(
            pandas.DataFrame(features), pandas.Series(label * 1.0), batch_size=16, shuffle=False
        ),
    )


@pytest.mark.parametrize("kind", [np.int32, np.float32, np.float64, bool])
def test_labels_of_every_kind(kind: type) -> None:
    trained(estimator.DNNClassifier([4], deep()), reference.input_fn(kind))


def keras_2() -> Any:
    if not WITHOUT_ESTIMATORS:
        return tf.keras
    return importlib.import_module("tf_keras")


def test_a_keras_2_model_becomes_an_estimator_with_its_weights() -> None:
    keras = keras_2()
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(1,), name="dense")])
    model.compile(keras.optimizers.legacy.SGD(0.0), loss="mse", metrics=["mae"])
    weights = model.get_weights()
    made = tf.keras.estimator.model_to_estimator(model)

    def read() -> Any:
        data = np.ones((32, 1), np.float32)
        return tf.data.Dataset.from_tensor_slices((data, data)).repeat().batch(8)

    assert "mae" in trained(made, read)
    kernel = "layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(made.get_variable_value(kernel), weights[0])


@pytest.mark.skipif(not WITHOUT_ESTIMATORS, reason="TensorFlow 2.15 has Keras 2")
def test_a_keras_3_model_is_refused_with_the_reason() -> None:
    keras = importlib.import_module("keras")
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)], name="three")
    model.compile(optimizer="sgd", loss="mse")
    with pytest.raises(errors.EstimatorTypeError, match=r"(?s)'three' is a Keras 3.*tf_keras"):
        tf.keras.estimator.model_to_estimator(model)


@pytest.mark.skipif(not WITHOUT_ESTIMATORS, reason="TensorFlow 2.15 has Keras 2")
def test_a_keras_3_optimizer_is_refused_with_what_to_write_instead() -> None:
    keras = importlib.import_module("keras")
    for optimizer in (keras.optimizers.Adam(0.1), lambda: keras.optimizers.Adam(0.1)):
        with pytest.raises(errors.EstimatorTypeError, match=r"tf_keras\.optimizers\.legacy\.Adam"):
            trained(estimator.DNNClassifier([4], deep(), optimizer=optimizer))


def test_metrics_can_be_added_and_training_stopped_early(tmp_path: pathlib.Path) -> None:
    def share(labels: Any, predictions: Any) -> Any:
        metric = keras_2().metrics.Mean(name="share")
        metric.update_state(predictions["logistic"])
        return {"share": metric}

    wide, _ = reference.columns()
    made = estimator.add_metrics(estimator.LinearClassifier(wide, str(tmp_path)), share)
    hook = estimator.experimental.make_early_stopping_hook(
        made, lambda: True, run_every_secs=None, run_every_steps=1
    )
    made.train(reference.input_fn(), steps=50, hooks=[hook])
    metrics = made.evaluate(reference.input_fn(), steps=2)
    assert metrics["global_step"] < 50
    assert 0 < metrics["share"] < 1
