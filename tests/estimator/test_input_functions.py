"""Everything an input function may return is learnt from alike."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import input_kinds
import numpy as np
import pytest
import small_data
import tensorflow as tf

DATA = pathlib.Path(__file__).parents[1] / "testdata" / "estimator"
FIGURES = json.loads((DATA / "figures.json").read_text())["figures"]["input functions"]

SLOW = {"numpy, whole labels", "pandas, whole labels", "pandas, small float labels"}


def mark(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.slow if kind in SLOW else pytest.mark.stacks


pytestmark = [
    pytest.mark.usefixtures("activated"),
    pytest.mark.conformance("input functions"),
]


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=mark(kind)) for kind in FIGURES])
def test_metrics_are_those_of_tensorflow_2_15(kind: str, differs: Callable[..., float]) -> None:
    assert differs(input_kinds.metrics(input_kinds.kinds()[kind]), FIGURES[kind]) <= 1e-5


@pytest.mark.stacks
def test_every_kind_comes_to_the_same() -> None:
    (first, *others) = FIGURES.values()
    for other in others:
        assert other == pytest.approx(first, abs=1e-6)


@pytest.mark.stacks
def test_rows_of_a_frame_are_shuffled_and_come_once_an_epoch() -> None:
    pandas = pytest.importorskip("pandas")
    features, label = small_data.examples()
    read = tf.compat.v1.estimator.inputs.pandas_input_fn(
        pandas.DataFrame({"row": np.arange(64), **features}),
        pandas.Series(label * 1.0),
        batch_size=10,
        num_epochs=2,
        shuffle=True,
    )
    rows: list[int] = []
    with tf.Graph().as_default():
        batch, _ = read()
        with tf.compat.v1.train.MonitoredSession() as session:
            while not session.should_stop():
                rows.extend(session.run(batch["row"]))
    assert sorted(rows) == sorted([*range(64)] * 2)
    assert rows[:64] != sorted(rows[:64])


@pytest.mark.stacks
def test_a_tensorflow_dataset(tmp_path: pathlib.Path) -> None:
    """Through its testing mock: the examples are made up, nothing is downloaded."""
    tfds = pytest.importorskip("tensorflow_datasets")

    def read() -> Any:
        digits = tfds.load("mnist", split="train", as_supervised=True, data_dir=str(tmp_path))
        scaled = digits.map(lambda image, label: ({"image": tf.cast(image, tf.float32)}, label))
        return scaled.repeat().batch(8)

    image = tf.feature_column.numeric_column("image", shape=(28, 28, 1))
    made = tf.estimator.LinearClassifier([image], n_classes=10)
    with tfds.testing.mock_data(num_examples=16):
        metrics = made.train(read, steps=2).evaluate(read, steps=1)
    assert metrics["global_step"] == 2
    assert np.isfinite(metrics["loss"])
