"""Models of other libraries, from examples to a pushed model."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf
from tensorflow_serving.apis import input_pb2
from tf_examples import make_example, write_records

MODULES = pathlib.Path(__file__).parents[1] / "testdata" / "libraries"


def point(number: int) -> bytes:
    return make_example(x=number / 10 - 1, color=number % 4, y=int(number > 10))


def ranked_list(number: int) -> bytes:
    made = input_pb2.ExampleListWithContext()
    for relevance in range(3):
        example = make_example(x=relevance + number / 100, relevance=relevance)
        made.examples.append(tf.train.Example.FromString(example))
    return bytes(made.SerializeToString())


def write(data: pathlib.Path) -> None:
    (data / "schema").mkdir(parents=True)
    (data / "schema" / "schema.pbtxt").touch()
    for kind, make in (("examples", point), ("lists", ranked_list)):
        for split in ("train", "eval"):
            write_records(data / kind / f"Split-{split}" / "data-0.gz", map(make, range(20)))


def run(names: list[str], folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Trains and pushes the modules; their pushed versions."""
    write(folder / "data")
    answer = subprocess.run(
        [sys.executable, "-m", "tfx_estimators.cli", "run", str(MODULES / "pipeline.py"),
         "--data", str(folder / "data"), "--root", str(folder / "runs")],
        capture_output=True, text=True, check=False, env={**os.environ, "MODULES": ",".join(names)},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-3000:]
    return {name: next((folder / "runs" / name).glob("[0-9]*")) for name in names}


@pytest.mark.slow
def test_a_tpu_estimator_is_trained_and_pushed_without_tpus(tmp_path: pathlib.Path) -> None:
    pushed = run(["tpu_model"], tmp_path)
    signatures = tf.saved_model.load(str(pushed["tpu_model"]), tags=["serve"]).signatures
    predicted = signatures["serving_default"](tf.constant([point(0), point(19)]))
    probabilities = predicted["probability"].numpy()
    assert probabilities.shape == (2, 1)
    assert ((probabilities > 0) & (probabilities < 1)).all()
