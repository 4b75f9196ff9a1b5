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


def estimator_fn(columns: list[Any], config: Any, params: dict[str, Any]) -> Any:
    """The guide's `LinearClassifier`."""
    return tf_estimator.LinearClassifier(feature_columns=columns, n_classes=2, config=config)
