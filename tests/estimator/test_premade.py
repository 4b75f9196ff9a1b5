"""Pre-made estimators come to what they come to on TensorFlow 2.15."""

from __future__ import annotations

import importlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import premade
import pytest
import small_data
import tensorflow as tf

from tfx_estimators import errors, estimator

DATA = pathlib.Path(__file__).parents[1] / "testdata" / "estimator"
FIGURES = json.loads((DATA / "figures.json").read_text())["figures"]
WITHOUT_ESTIMATORS = tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 16)

# Between them they run what all others are made of: on every stack, with each change.
CORE = {
    "BaselineClassifier",
    "LinearClassifier",
    "DNNRegressor",
    "DNNLinearCombinedEstimator",
    "v1.BaselineRegressor",
    "v1.LinearEstimator",
    "v1.DNNClassifier",
    "v1.DNNLinearCombinedRegressor",
    "v1.KMeans",
    "DNNEstimator, MultiHead",
    "RNNClassifier",
}


def mark(name: str) -> pytest.MarkDecorator:
    return pytest.mark.stacks if name in CORE else pytest.mark.slow


pytestmark = [
    pytest.mark.usefixtures("activated"),
    pytest.mark.conformance("pre-made"),
]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=mark(name)) for name in FIGURES["pre-made"]]
)
def test_metrics_are_those_of_tensorflow_2_15(name: str, differs: Callable[..., float]) -> None:
    found = premade.metrics(*premade.estimators()[name])
    assert differs(found, FIGURES["pre-made"][name]) <= 1e-5


@pytest.mark.stacks
def test_the_single_threaded_executor_changes_no_metric(differs: Callable[..., float]) -> None:
    # docs/performance.md describes it for small batches.
    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    config.experimental.executor_type = "SINGLE_THREADED_EXECUTOR"
    name = "DNNLinearCombinedEstimator"
    found = premade.metrics(*premade.estimators()[name], session_config=config)
    assert differs(found, FIGURES["pre-made"][name]) <= 1e-5


@pytest.mark.stacks
def test_no_pre_made_estimator_is_left_out() -> None:
    kinds = ("Classifier", "Regressor", "Estimator")
    for prefix, api in {"": tf.estimator, "v1.": tf.compat.v1.estimator}.items():
        there = {f"{prefix}{name}" for name in dir(api) if name.endswith(kinds)}
        assert there - {f"{prefix}Estimator"} <= set(FIGURES["pre-made"])


@pytest.mark.parametrize("name", [pytest.param(name, marks=mark(name)) for name in FIGURES["SDCA"]])
def test_sdca_comes_to_the_loss_of_tensorflow_2_15(name: str) -> None:
    """It visits the examples in an order of its own, so no other figure is the same."""
    found = premade.metrics(*premade.sdca(name), steps=50)
    assert found["loss"] == pytest.approx(FIGURES["SDCA"][name]["loss"], abs=0.02)


@pytest.mark.stacks
def test_a_baseline_learns_from_a_dataset() -> None:
    """What TensorFlow 2.15's own cannot do."""
    read = small_data.input_fn(np.float32)
    metrics = tf.estimator.BaselineRegressor().train(read, steps=2).evaluate(read, steps=1)
    assert np.isfinite(metrics["loss"])


@pytest.mark.parametrize("kind", [np.float64, bool])
@pytest.mark.stacks
def test_labels_of_every_kind(kind: type) -> None:
    wide, _ = small_data.columns()
    read = small_data.input_fn(kind)
    metrics = tf.estimator.LinearClassifier(wide).train(read, steps=2).evaluate(read, steps=1)
    assert np.isfinite(metrics["loss"])


@pytest.mark.skipif(not WITHOUT_ESTIMATORS, reason="TensorFlow 2.15 has Keras 2")
@pytest.mark.stacks
def test_a_keras_3_optimizer_is_refused_with_what_to_write_instead() -> None:
    keras = importlib.import_module("keras")
    _, deep = small_data.columns()
    optimizers: list[Any] = [keras.optimizers.Adam(0.1), lambda: keras.optimizers.Adam(0.1)]
    for optimizer in optimizers:
        made = estimator.DNNClassifier([4], deep, optimizer=optimizer)
        with pytest.raises(errors.EstimatorTypeError, match=r"tf_keras\.optimizers\.legacy\.Adam"):
            made.train(small_data.input_fn(), steps=1)
