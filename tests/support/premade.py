"""Every pre-made estimator, and its metrics after a few steps with a fixed seed."""

from __future__ import annotations

import importlib
import random
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import small_data
import tensorflow as tf

STEPS = 10
Maker = Callable[..., Any]
InputFn = Callable[[], Any]


def sequences() -> Any:
    """Two sequences of words and their classes, as graph tensors."""
    words = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], ["red", "green", "blue"], [2, 2])
    return {"words": words}, tf.constant([0, 1])


def two_labels() -> Any:
    """The rows with a class and a number to predict."""
    features, label = small_data.tensors()()
    return features, {"class": label, "number": tf.cast(label, tf.float32) * 3.0}


def three_labels() -> Any:
    """The rows with three yes-or-no labels each."""
    features, label = small_data.tensors()()
    return features, tf.stack([label, 1 - label, label * 0 + 1], axis=1)


def estimators() -> dict[str, tuple[Maker, InputFn]]:
    """What makes each estimator from a `config`, and its input function.

    Keys of the `compat.v1` classes begin with "v1.".
    """
    made = {}
    v2, v1 = tf.estimator, tf.compat.v1.estimator
    made |= dict(_classes(v2, v2.BinaryClassHead(), v2.RegressionHead()))
    # The second API's heads want the second API's optimizers; these are the first's.
    heads = importlib.import_module("tensorflow_estimator.python.estimator.canned.head")
    binary = heads._binary_logistic_head_with_sigmoid_cross_entropy_loss()
    made |= {f"v1.{name}": both for name, both in _classes(v1, binary, heads._regression_head())}
    made |= dict(_heads(v2))
    made |= dict(_sequences(v2))
    made["v1.KMeans"] = (_k_means, lambda: small_data.tensors()()[0])
    return made


def _classes(api: Any, binary: Any, number: Any) -> Iterator[tuple[str, tuple[Maker, InputFn]]]:
    """Those that both namespaces have."""
    wide, deep = small_data.columns()
    classes, numbers = small_data.input_fn(), small_data.input_fn(np.float32)
    parts = {
        "linear_feature_columns": wide,
        "dnn_feature_columns": deep,
        "dnn_hidden_units": [8, 4],
    }

    def of(name: str, *args: Any, **kwargs: Any) -> Maker:
        return lambda config: getattr(api, name)(*args, **kwargs, config=config)

    # A Baseline does not train on a dataset on TensorFlow 2.15.
    yield "BaselineClassifier", (of("BaselineClassifier"), small_data.tensors())
    yield "BaselineRegressor", (of("BaselineRegressor"), small_data.tensors(np.float32))
    yield (
        "BaselineEstimator",
        (of("BaselineEstimator", binary), small_data.tensors()),
    )
    yield "LinearClassifier", (of("LinearClassifier", wide), classes)
    yield "LinearRegressor", (of("LinearRegressor", wide), numbers)
    yield "LinearEstimator", (of("LinearEstimator", binary, wide), classes)
    yield "DNNClassifier", (of("DNNClassifier", [8, 4], deep), classes)
    yield "DNNRegressor", (of("DNNRegressor", [8, 4], deep), numbers)
    yield "DNNEstimator", (of("DNNEstimator", number, [8], deep), numbers)
    yield "DNNLinearCombinedClassifier", (of("DNNLinearCombinedClassifier", **parts), classes)
    yield "DNNLinearCombinedRegressor", (of("DNNLinearCombinedRegressor", **parts), numbers)
    yield (
        "DNNLinearCombinedEstimator",
        (of("DNNLinearCombinedEstimator", binary, **parts), classes),
    )


def _heads(v2: Any) -> Iterator[tuple[str, tuple[Maker, InputFn]]]:
    """The heads that the classes above do not use, and options of a network."""
    wide, deep = small_data.columns()
    numbers = small_data.input_fn(np.float32)

    def network(head: Any) -> Maker:
        return lambda config: v2.DNNEstimator(head, [8], deep, optimizer="Adam", config=config)

    yield (
        "DNNEstimator, MultiClassHead",
        (network(v2.MultiClassHead(3)), small_data.input_fn()),
    )
    yield "DNNEstimator, MultiLabelHead", (network(v2.MultiLabelHead(3)), three_labels)
    both = v2.MultiHead([v2.BinaryClassHead(name="class"), v2.RegressionHead(name="number")])
    yield "DNNEstimator, MultiHead", (network(both), two_labels)
    yield (
        "LinearEstimator, LogisticRegressionHead",
        (
            lambda config: v2.LinearEstimator(v2.LogisticRegressionHead(), wide, config=config),
            numbers,
        ),
    )
    yield (
        "LinearEstimator, PoissonRegressionHead",
        (
            lambda config: v2.LinearEstimator(v2.PoissonRegressionHead(), wide, config=config),
            numbers,
        ),
    )
    yield (
        "DNNClassifier, batch norm",
        (
            lambda config: v2.DNNClassifier(
                [8], deep, batch_norm=True, optimizer="SGD", config=config
            ),
            small_data.input_fn(),
        ),
    )


def _sequences(v2: Any) -> Iterator[tuple[str, tuple[Maker, InputFn]]]:
    fc = tf.feature_column
    words = fc.sequence_categorical_column_with_vocabulary_list("words", small_data.WORDS)
    columns = [fc.embedding_column(words, 3)]
    yield (
        "RNNClassifier",
        (
            lambda config: v2.experimental.RNNClassifier(
                columns, units=[4], cell_type="lstm", config=config
            ),
            sequences,
        ),
    )
    yield (
        "RNNEstimator",
        (
            lambda config: v2.experimental.RNNEstimator(
                v2.BinaryClassHead(), columns, units=[4], cell_type="gru", config=config
            ),
            sequences,
        ),
    )


def _k_means(config: Any) -> Any:
    return tf.compat.v1.estimator.experimental.KMeans(
        2,
        feature_columns=[tf.feature_column.numeric_column("number")],
        initial_clusters=np.array([[-0.5], [0.5]], np.float32),
        use_mini_batch=False,
        config=config,
    )


def sdca(name: str) -> tuple[Maker, InputFn]:
    """LinearClassifier or LinearRegressor with SDCA, which visits rows in random order."""
    kind = np.float32 if name == "LinearRegressor" else np.int64
    optimizer = tf.estimator.experimental.LinearSDCA("id", symmetric_l2_regularization=1.0)
    wide, _ = small_data.columns()
    return (
        lambda config: getattr(tf.estimator, name)(wide, optimizer=optimizer, config=config),
        small_data.tensors(kind),
    )


def metrics(
    make: Maker, read: InputFn, steps: int = STEPS, session_config: Any = None
) -> dict[str, float]:
    """The metrics after `steps` steps of training."""
    config = tf.estimator.RunConfig(
        model_dir=tempfile.mkdtemp(), tf_random_seed=7, session_config=session_config
    )
    random.seed(7)  # where Keras 2's layers take their seeds from
    estimator = make(config)
    estimator.train(read, steps=steps)
    found = estimator.evaluate(read, steps=4)
    return {name: float(value) for name, value in found.items()}
