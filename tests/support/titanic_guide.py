"""The guide's Titanic example, without a pipeline."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def csv_input_fn(pattern: str, label_key: str, batch_size: int = 32) -> Callable[[], Any]:
    """The guide's input function: an endless dataset of `(features, label)`."""

    def input_fn() -> Any:
        passengers = tf.data.experimental.make_csv_dataset(
            pattern, batch_size=batch_size, label_name=label_key, num_epochs=1, shuffle=False
        )
        return passengers.cache().repeat().shuffle(500, seed=0).prefetch(tf.data.AUTOTUNE)

    return input_fn


def trained(folder: pathlib.Path) -> tuple[Any, Any]:
    """A `LinearClassifier` after 100 steps, and its input function."""
    # Imported here because it brings the runtime: reference figures are made without it.
    from tfx_estimators.pipelines.titanic import data, model

    file = folder / "passengers.csv"
    data.write_passengers(file)
    read = csv_input_fn(str(file), model.LABEL_KEY)
    config = tf.estimator.RunConfig(str(folder / "model"), tf_random_seed=7)
    made = tf.estimator.LinearClassifier(model.feature_columns(), n_classes=2, config=config)
    return made.train(read, steps=100), read


def figures() -> dict[str, dict[str, float]]:
    """The metrics of ten batches."""
    made, read = trained(pathlib.Path(tempfile.mkdtemp()))
    found = made.evaluate(read, steps=10)
    return {"LinearClassifier": {name: float(value) for name, value in found.items()}}
