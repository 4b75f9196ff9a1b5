"""The same 64 rows through every kind of input function, and what is learnt from them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import small_data
import tensorflow as tf


def kinds() -> dict[str, Callable[[], Any]]:
    """Input functions that give all rows in every batch, in the same order."""
    import pandas

    features, label = small_data.examples()
    inputs = tf.compat.v1.estimator.inputs
    frame = pandas.DataFrame(features)

    def dataset() -> Any:
        return tf.data.Dataset.from_tensors((features, label)).repeat()

    def sparse() -> Any:
        rows = np.stack([np.arange(64), np.zeros(64, np.int64)], axis=1)
        word = tf.SparseTensor(rows, tf.constant(features["word"]), [64, 1])
        return {"number": tf.constant(features["number"]), "word": word}, tf.constant(label)

    def of_pandas(kind: type) -> Callable[[], Any]:
        labels = pandas.Series(label.astype(kind))
        return inputs.pandas_input_fn(frame, labels, batch_size=64, num_epochs=None, shuffle=False)

    def of_numpy(kind: type) -> Callable[[], Any]:
        return inputs.numpy_input_fn(
            features, label.astype(kind), batch_size=64, num_epochs=None, shuffle=False
        )

    return {
        "dataset": dataset,
        "dense tensors": lambda: small_data.tensors()(),
        "dense and sparse tensors": sparse,
        "numpy, whole labels": of_numpy(np.int64),
        "numpy, float labels": of_numpy(np.float64),
        "pandas, whole labels": of_pandas(np.int64),
        "pandas, float labels": of_pandas(np.float64),
        "pandas, small float labels": of_pandas(np.float32),
    }


def metrics(read: Callable[[], Any]) -> dict[str, float]:
    """The metrics of a linear classifier after five steps."""
    wide, _ = small_data.columns()
    config = tf.estimator.RunConfig(tempfile.mkdtemp(), tf_random_seed=7)
    made = tf.estimator.LinearClassifier(wide, config=config).train(read, steps=5)
    return {name: float(value) for name, value in made.evaluate(read, steps=1).items()}


def figures() -> dict[str, dict[str, float]]:
    """The metrics by kind of input function."""
    return {name: metrics(read) for name, read in kinds().items()}
