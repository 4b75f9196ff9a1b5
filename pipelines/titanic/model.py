"""Who survives? The guide's linear classifier on age, class and embark town."""

from __future__ import annotations

from collections.abc import Callable
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


def estimator_fn(columns: list[Any], config: Any, params: dict[str, Any]) -> Any:
    """The guide's `LinearClassifier`."""
    return tf_estimator.LinearClassifier(feature_columns=columns, n_classes=2, config=config)


def csv_input_fn(pattern: str, batch_size: int = 32, seed: int = 0) -> Callable[[], Any]:
    """The guide's input function, for use without a pipeline.

    Args:
        pattern: of CSV files with a header.
        batch_size: passengers a batch.
        seed: of their order.

    Returns:
        A function that returns an endless dataset of `(features, label)`: every column
        of the files by its name, each of shape [batch_size].
    """

    def input_fn() -> Any:
        passengers = tf.data.experimental.make_csv_dataset(
            pattern, batch_size=batch_size, label_name=LABEL_KEY, num_epochs=1, shuffle=False
        )
        return passengers.cache().repeat().shuffle(500, seed=seed).prefetch(tf.data.AUTOTUNE)

    return input_fn
