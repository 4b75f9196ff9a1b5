"""The guide's Titanic example, without a pipeline."""

from __future__ import annotations

import pathlib
import tempfile
from typing import Any

import tensorflow as tf


def trained(folder: pathlib.Path) -> tuple[Any, Any]:
    """A `LinearClassifier` after 100 steps, and its input function."""
    # Imported here because it brings the runtime: reference figures are made without it.
    from tfx_estimators.pipelines.titanic import data, model

    file = folder / "passengers.csv"
    data.write_passengers(file)
    read = model.csv_input_fn(str(file))
    config = tf.estimator.RunConfig(str(folder / "model"), tf_random_seed=7)
    made = tf.estimator.LinearClassifier(model.feature_columns(), n_classes=2, config=config)
    return made.train(read, steps=100), read


def figures() -> dict[str, dict[str, float]]:
    """The metrics of ten batches."""
    made, read = trained(pathlib.Path(tempfile.mkdtemp()))
    found = made.evaluate(read, steps=10)
    return {"LinearClassifier": {name: float(value) for name, value in found.items()}}
