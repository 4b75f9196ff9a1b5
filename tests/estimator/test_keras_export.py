"""Canned estimators as Keras 3 models: the file alone predicts what the estimator predicts."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tf_examples import make_example

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.errors import KerasConversionError
from tfx_estimators.estimator.keras_export import to_keras

keras = pytest.importorskip("keras", minversion="3")
fc = tf.feature_column

ROWS = 64
WORDS = ["red", "green", "blue"]


class Plain:
    """Columns over raw features, which have learned nothing."""

    def original(self, column: Any) -> Any:
        return column

    def fact(self, column: Any, fact: str) -> Any:
        raise AssertionError(column)

    def vocabulary(self, column: Any) -> list[bytes]:
        raise AssertionError(column)

    def is_integer(self, feature: str) -> bool:
        return feature == "day"


def features() -> dict[str, Any]:
    """As a Keras model takes them: "" and -1 are missing values."""
    random = np.random.default_rng(3)
    return {
        "x": random.normal(size=(ROWS, 1)).astype(np.float32),
        "pair": random.normal(size=(ROWS, 2)).astype(np.float32),
        "word": random.choice([*WORDS, "black", ""], (ROWS, 1)),
        **{
            key: random.choice(["a", "b", "c", "other", ""], (ROWS, 3))
            for key in ("tags", "more", "rest")
        },
        "day": random.integers(-1, 8, (ROWS, 1)),
        **{key: random.choice([-1, 10, 20, 30], (ROWS, 2)) for key in ("code", "item")},
    }


def columns() -> tuple[list[Any], list[Any]]:
    x = fc.numeric_column("x", normalizer_fn=lambda x: (x - 2.0) / 3.0)
    pair = fc.numeric_column("pair", shape=2)
    buckets = fc.bucketized_column(fc.numeric_column("x"), [-0.5, 0.0, 0.7])
    pairs = fc.bucketized_column(pair, [0.0, 1.0])
    word = fc.categorical_column_with_vocabulary_list("word", WORDS, default_value=1)
    tags = fc.categorical_column_with_vocabulary_list("tags", ["a", "b", "c"])
    spread = fc.categorical_column_with_vocabulary_list("rest", ["c", "a"], num_oov_buckets=3)
    hashed = fc.categorical_column_with_hash_bucket("more", 5)
    code = fc.categorical_column_with_vocabulary_list("code", [30, 10], dtype=tf.int64)
    numbers = fc.categorical_column_with_hash_bucket("item", 7, dtype=tf.int64)
    day = fc.categorical_column_with_identity("day", 7, default_value=2)
    cross = fc.crossed_column([buckets, "word"], 50)
    days = fc.crossed_column([day, "word"], 30)
    wide = [x, buckets, pairs, word, tags, hashed, code, day, cross, days, pair]
    deep = [
        x,
        pair,
        buckets,
        fc.indicator_column(spread),
        fc.indicator_column(word),
        fc.embedding_column(tags, 3),
        fc.embedding_column(hashed, 2, combiner="sqrtn"),
        fc.embedding_column(numbers, 2, combiner="sum"),
        fc.embedding_column(cross, 2),
    ]
    return wide, deep


def both(config: Any) -> Any:
    wide, deep = columns()
    return tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=wide,
        dnn_feature_columns=deep,
        dnn_hidden_units=[8, 4],
        dnn_dropout=0.1,
        batch_norm=True,
        n_classes=3,
        linear_sparse_combiner="mean",
        config=config,
    )


def linear(config: Any) -> Any:
    # Vocabularies alone: the bias has no dense column to stand with.
    wide, _ = columns()
    return tf_estimator.LinearClassifier(wide[3:5], config=config)


def network(config: Any) -> Any:
    _, deep = columns()
    return tf_estimator.DNNEstimator(
        tf_estimator.PoissonRegressionHead(), [5], deep[:5], activation_fn=tf.nn.tanh, config=config
    )


def present(values: Any) -> list[Any] | None:
    """The values of a feature in a tf.Example, which has no missing ones."""
    return [value for value in values.tolist() if value not in ("", -1)] or None


def predicted(estimator: Any, output: str) -> tuple[dict[str, Any], Any]:
    """Weights that differ in every row, and what the estimator predicts with them.

    Training would give such weights too, at many times the cost.
    """
    given, random = features(), np.random.default_rng(1)
    records = [
        make_example(**{key: present(values[row]) for key, values in given.items()})
        for row in range(ROWS)
    ]
    wide, deep = columns()
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        v1.train.get_or_create_global_step()
        parsed = tf.io.parse_example(records, fc.make_parse_example_spec([*wide, *deep]))
        predict = tf_estimator.ModeKeys.PREDICT
        spec = estimator.model_fn(parsed, None, predict, estimator.config)
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        weights = {}
        for variable in v1.global_variables():
            if variable.dtype.is_floating:
                # Above 0, as variances are.
                value = random.uniform(0.05, 0.5, variable.shape).astype(np.float32)
                variable.load(value, session)
                weights[variable.op.name] = value
        return weights, session.run(spec.predictions[output])


@pytest.mark.parametrize(
    ("make", "output"), [(both, "probabilities"), (linear, "logistic"), (network, "predictions")]
)
def test_the_file_alone_predicts_what_the_estimator_does(
    make: Callable[[Any], Any], output: str, tmp_path: pathlib.Path
) -> None:
    estimator = make(tf_estimator.RunConfig(model_dir=str(tmp_path / "model")))
    weights, expected = predicted(estimator, output)
    made = to_keras(estimator, Plain(), weights.__getitem__)
    made.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    given = {name: tf.constant(values) for name, values in features().items()}
    found = loaded({name: given[name] for name in loaded.input})
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert np.ptp(expected) > 0.01


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (lambda: fc.numeric_column("x", normalizer_fn=tf.square), "not a scale and an offset"),
        (
            lambda: fc.weighted_categorical_column(
                fc.categorical_column_with_identity("day", 7), "x"
            ),
            "'day_weighted_by_x'",
        ),
        (lambda: fc.crossed_column(["word", "tags"], 9, hash_key=1), "hash_key"),
        (lambda: fc.crossed_column(["word", "day", "code"], 9), "crosses two features"),
    ],
)
def test_a_column_that_keras_lacks_is_named(column: Any, problem: str) -> None:
    estimator = tf_estimator.LinearClassifier([column()])
    with pytest.raises(KerasConversionError, match=problem):
        to_keras(estimator, Plain(), lambda name: np.zeros((9, 1), np.float32))


def test_what_is_no_canned_estimator_is_refused() -> None:
    with pytest.raises(KerasConversionError, match="is not a canned estimator"):
        to_keras(tf_estimator.Estimator(lambda features: None), Plain(), {}.get)
