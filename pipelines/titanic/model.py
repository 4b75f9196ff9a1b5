"""Who survives? The guide's linear classifier on age, class and embark town."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator

fc = tf.feature_column

LABEL_KEY = "survived"


def feature_columns() -> list[Any]:
    """The guide's three columns."""
    embark = fc.categorical_column_with_hash_bucket("embark_town", 32)
    cabin = fc.categorical_column_with_vocabulary_list("class", ["First", "Second", "Third"])
    age = fc.numeric_column("age")
    return [embark, cabin, age]


def hyperparameters() -> Any:
    """What a search may choose: a `keras_tuner.HyperParameters`."""
    import keras_tuner

    choices = keras_tuner.HyperParameters()
    choices.Float("learning_rate", 1e-3, 1.0, sampling="log")
    choices.Choice("l1", [0.0, 0.01, 0.1])
    return choices


def estimator_fn(columns: list[Any], config: Any, params: dict[str, Any]) -> Any:
    """The guide's `LinearClassifier`, with its own optimizer unless a search chose."""
    optimizer: Any = "Ftrl"
    if "learning_rate" in params:
        optimizer = tf.keras.optimizers.legacy.Ftrl(
            params["learning_rate"], l1_regularization_strength=params["l1"]
        )
    return tf_estimator.LinearClassifier(
        feature_columns=columns, n_classes=2, config=config, optimizer=optimizer
    )
