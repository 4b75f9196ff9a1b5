"""The Estimator API's names and losses, as this process's TensorFlow has them.

`names.txt` and `losses.json` beside this file come from TensorFlow 2.15's own
`tf.estimator`. To make them again, with the legacy stack's Python:

    python tests/testdata/estimator/make_reference.py
"""

from __future__ import annotations

import json
import logging
import pathlib
import random
import tempfile
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent
STEPS = 20


def names(module: Any, prefix: str) -> Iterator[str]:
    """Every public name below an API module, dotted, with its prefix."""
    for name in sorted(dir(module)):
        if name.startswith("_"):
            continue
        full_name = f"{prefix}.{name}"
        value = getattr(module, name)
        yield full_name
        if isinstance(value, types.ModuleType):
            yield from names(value, full_name)


def examples() -> tuple[dict[str, Any], Any]:
    """64 rows with a number, a word and a made class; the same ones at every call."""
    generator = np.random.default_rng(20)
    number = generator.normal(size=64).astype(np.float32)
    word = generator.choice(["red", "green", "blue"], size=64)
    noise = generator.normal(size=64) / 4
    label = ((number + (word == "red") + noise) > 0.3).astype(np.int64)
    return {"number": number, "word": word}, label


def input_fn(kind: type = np.int64) -> Callable[[], Any]:
    """An input function of endless batches of 16 in a fixed order."""

    def read() -> Any:
        features, label = examples()
        return tf.data.Dataset.from_tensor_slices((features, label.astype(kind))).repeat().batch(16)

    return read


def sequences() -> Any:
    """Two sequences of words and their classes, as graph tensors."""
    words = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], ["red", "green", "blue"], [2, 2])
    return {"words": words}, tf.constant([0, 1])


def columns() -> tuple[list[Any], list[Any]]:
    """Columns for the linear and for the deep part of a model."""
    fc = tf.feature_column
    number = fc.numeric_column("number")
    word = fc.categorical_column_with_vocabulary_list("word", ["red", "green", "blue"])
    buckets = fc.bucketized_column(number, [-1.0, 0.0, 1.0])
    wide = [number, word, fc.crossed_column([buckets, "word"], 20)]
    return wide, [number, fc.indicator_column(word), fc.embedding_column(word, 2)]


def estimators(v2: Any, v1: Any) -> dict[str, tuple[Any, Callable[[], Any]]]:
    """Estimators and their input functions, all with a fixed seed.

    Args:
        v2: the namespace `tf.estimator`.
        v1: the namespace `tf.compat.v1.estimator`.
    """
    wide, deep = columns()
    classes, numbers = input_fn(), input_fn(np.float32)
    fc = tf.feature_column
    words = fc.sequence_categorical_column_with_vocabulary_list("words", ["red", "green", "blue"])

    def settings(api: Any) -> dict[str, Any]:
        return {"config": api.RunConfig(model_dir=tempfile.mkdtemp(), tf_random_seed=7)}

    made = {}
    for prefix, api in {"": v2, "v1.": v1}.items():
        made |= {
            f"{prefix}LinearClassifier": (api.LinearClassifier(wide, **settings(api)), classes),
            f"{prefix}LinearRegressor": (api.LinearRegressor(wide, **settings(api)), numbers),
            f"{prefix}DNNClassifier": (api.DNNClassifier([8, 4], deep, **settings(api)), classes),
            f"{prefix}DNNRegressor": (api.DNNRegressor([8, 4], deep, **settings(api)), numbers),
            f"{prefix}DNNLinearCombinedClassifier": (
                api.DNNLinearCombinedClassifier(
                    linear_feature_columns=wide,
                    dnn_feature_columns=deep,
                    dnn_hidden_units=[8, 4],
                    **settings(api),
                ),
                classes,
            ),
        }
    made["DNNEstimator, multi-class head"] = (
        v2.DNNEstimator(v2.MultiClassHead(3), [8], deep, optimizer="Adam", **settings(v2)),
        classes,
    )
    made["DNNClassifier, batch norm"] = (
        v2.DNNClassifier([8], deep, batch_norm=True, optimizer="SGD", **settings(v2)),
        classes,
    )
    made["RNNClassifier"] = (
        v2.experimental.RNNClassifier(
            [fc.embedding_column(words, 3)], units=[4], cell_type="lstm", **settings(v2)
        ),
        sequences,
    )
    return made


def losses(v2: Any, v1: Any) -> dict[str, float]:
    """The loss of each estimator on four batches after `STEPS` steps of training."""
    found = {}
    for name, (estimator, read) in estimators(v2, v1).items():
        random.seed(7)  # where Keras 2's layers take their seeds from
        estimator.train(read, steps=STEPS)
        found[name] = float(estimator.evaluate(read, steps=4)["loss"])
    return found


def main() -> None:
    """Writes the reference files from TensorFlow's own estimators."""
    tf.get_logger().setLevel(logging.ERROR)
    spaces = {"tf.estimator": tf.estimator, "tf.compat.v1.estimator": tf.compat.v1.estimator}
    every = [name for prefix, module in spaces.items() for name in names(module, prefix)]
    (HERE / "names.txt").write_text("\n".join(every) + "\n")
    found = losses(tf.estimator, tf.compat.v1.estimator)
    reference = {"tensorflow": tf.__version__, "steps": STEPS, "losses": found}
    (HERE / "losses.json").write_text(json.dumps(reference, indent=2) + "\n")


if __name__ == "__main__":
    main()
