"""A wide & deep classifier, exported for serving, and examples for it."""

from __future__ import annotations

import pathlib
import random
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

from tfx_estimators import estimator as tf_estimator

fc = tf.feature_column

LABEL = "tipped"
NUMBERS = ("fare", "miles", "seconds", "latitude", "longitude")
WORDS = {"payment": ("cash", "card", "other"), "company": tuple(f"company {n}" for n in range(40))}
SPEC = {
    **{key: tf.io.FixedLenFeature([1], tf.float32) for key in NUMBERS},
    **{key: tf.io.FixedLenFeature([1], tf.string) for key in WORDS},
}
BATCH = 256
STEPS = 50


def serialized(count: int) -> Iterator[bytes]:
    """Rows as serialized tf.Examples, with a label that goes with the fare."""
    chance = random.Random(3)
    for _ in range(count):
        example = tf.train.Example()
        values = {key: chance.gauss(0, 1) for key in NUMBERS}
        for key, value in values.items():
            example.features.feature[key].float_list.value.append(value)
        for key, words in WORDS.items():
            example.features.feature[key].bytes_list.value.append(chance.choice(words).encode())
        tipped = chance.gauss(0, 1) < values["fare"]
        example.features.feature[LABEL].int64_list.value.append(int(tipped))
        yield example.SerializeToString()


def write_examples(folder: pathlib.Path, count: int) -> Any:
    """An Examples artifact with one split, "eval"."""
    (folder / "Split-eval").mkdir(parents=True)
    path = str(folder / "Split-eval" / "data-0.gz")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions("GZIP")) as writer:
        for record in serialized(count):
            writer.write(record)
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    examples.split_names = artifact_utils.encode_split_names(["eval"])
    return examples


def export(folder: pathlib.Path) -> pathlib.Path:
    """A SavedModel of a wide & deep classifier after a short training."""
    wide = [fc.categorical_column_with_vocabulary_list(key, words) for key, words in WORDS.items()]
    deep = [fc.numeric_column(key) for key in NUMBERS]
    classifier = tf_estimator.DNNLinearCombinedClassifier(
        model_dir=str(folder / "training"),
        linear_feature_columns=wide,
        dnn_feature_columns=[*deep, *map(fc.indicator_column, wide)],
        dnn_hidden_units=[100, 70, 50, 25],
    )

    def input_fn() -> Any:
        labelled = {**SPEC, LABEL: tf.io.FixedLenFeature([1], tf.int64)}
        features = tf.io.parse_example(list(serialized(BATCH)), labelled)
        labels = features.pop(LABEL)
        return tf.data.Dataset.from_tensors((features, labels)).repeat()

    classifier.train(input_fn, steps=STEPS)
    receiver = tf_estimator.export.build_parsing_serving_input_receiver_fn(SPEC)
    return pathlib.Path(classifier.export_saved_model(str(folder / "export"), receiver).decode())
