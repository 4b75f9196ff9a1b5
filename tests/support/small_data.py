"""Sixty-four rows for small models, and the columns that read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tf_examples import make_example

WORDS = ["red", "green", "blue"]


def examples() -> tuple[dict[str, Any], Any]:
    """64 rows with a number, a word and a made class; the same ones at every call."""
    generator = np.random.default_rng(20)
    number = generator.normal(size=64).astype(np.float32)
    word = generator.choice(WORDS, size=64)
    noise = generator.normal(size=64) / 4
    label = ((number + (word == "red") + noise) > 0.3).astype(np.int64)
    return {"number": number, "word": word}, label


def input_fn(kind: type = np.int64) -> Callable[[], Any]:
    """An input function of endless batches of 16 in a fixed order."""

    def read() -> Any:
        features, label = examples()
        return tf.data.Dataset.from_tensor_slices((features, label.astype(kind))).repeat().batch(16)

    return read


def tensors(kind: type = np.int64) -> Callable[[], Any]:
    """An input function that gives all rows as graph tensors, in every step."""

    def read() -> Any:
        features, label = examples()
        constants = {name: tf.constant(value) for name, value in features.items()}
        constants["id"] = tf.constant([str(row) for row in range(64)])
        return constants, tf.constant(label.astype(kind))

    return read


def columns() -> tuple[list[Any], list[Any]]:
    """Columns for the linear and for the deep part of a model."""
    fc = tf.feature_column
    number = fc.numeric_column("number")
    word = fc.categorical_column_with_vocabulary_list("word", WORDS)
    buckets = fc.bucketized_column(number, [-1.0, 0.0, 1.0])
    wide = [number, word, fc.crossed_column([buckets, "word"], 20)]
    return wide, [number, fc.indicator_column(word), fc.embedding_column(word, 2)]


def serialized(features: dict[str, Any]) -> list[bytes]:
    """Rows of `examples()` as serialized tf.Examples."""
    return [
        make_example(number=float(number), word=str(word))
        for number, word in zip(features["number"], features["word"], strict=True)
    ]
