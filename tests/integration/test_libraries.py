"""Models of other libraries, from examples to a pushed model."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
import tensorflow as tf
from tensorflow_serving.apis import input_pb2
from tf_examples import make_example, write_records

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = ROOT / "tests" / "testdata" / "libraries"

pytestmark = pytest.mark.slow


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


@pytest.fixture(scope="module")
def libraries() -> pathlib.Path:
    """The folder that they are installed in, beside the stack."""
    script = [str(ROOT / "scripts" / "libraries.sh"), sys.executable]
    said = subprocess.run(script, check=True, stdout=subprocess.PIPE).stdout
    return pathlib.Path(said.decode().strip())


def with_libraries(libraries: pathlib.Path, **variables: str) -> dict[str, str]:
    """The environment of a process that finds them."""
    path = [*filter(None, [os.environ.get("PYTHONPATH")]), str(libraries)]
    return {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(path)}


def test_the_tests_that_tf_privacys_wheel_carries_pass(libraries: pathlib.Path) -> None:
    folder = libraries / "tensorflow_privacy" / "privacy" / "estimators"
    run_tests = (
        "import sys; from tfx_estimators.estimator import activate; activate(keras=2);"
        "import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", run_tests, "-q", "-p", "no:cacheprovider", "-c", os.devnull,
         "--rootdir", str(libraries),
         *(str(folder / f"{name}_test.py") for name in
           ("binary_class_head", "multi_class_head", "multi_label_head", "dnn"))],
        capture_output=True, text=True, check=False, env=with_libraries(libraries),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


@pytest.fixture(scope="module")
def pushed(
    libraries: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pathlib.Path]:
    """One pipeline that trains and pushes every module: their pushed versions."""
    folder = tmp_path_factory.mktemp("libraries")
    write(folder / "data")
    names = ["tpu_model", "privacy_model", "ranking_model"]
    answer = subprocess.run(
        [sys.executable, "-m", "tfx_estimators.cli", "run", str(MODULES / "pipeline.py"),
         "--data", str(folder / "data"), "--root", str(folder / "runs")],
        capture_output=True, text=True, check=False,
        env=with_libraries(libraries, MODULES=",".join(names)),
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-3000:]
    return {name: next((folder / "runs" / name).glob("[0-9]*")) for name in names}


def answers(model: pathlib.Path, examples: list[bytes]) -> dict[str, Any]:
    """What a pushed version's default signature gives for serialized examples."""
    signature = tf.saved_model.load(str(model), tags=["serve"]).signatures["serving_default"]
    found: dict[str, Any] = signature(tf.constant(examples))
    return {name: tensor.numpy() for name, tensor in found.items()}


def test_a_tpu_estimator_is_trained_and_pushed_without_tpus(
    pushed: dict[str, pathlib.Path],
) -> None:
    probabilities = answers(pushed["tpu_model"], [point(0), point(19)])["probability"]
    assert probabilities.shape == (2, 1)
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_a_classifier_with_differential_privacy_is_trained_and_pushed(
    pushed: dict[str, pathlib.Path],
) -> None:
    scores = answers(pushed["privacy_model"], [point(0), point(19)])["scores"]
    assert scores.shape == (2, 2)
    assert scores.sum(axis=1) == pytest.approx([1, 1])


def test_a_ranking_over_lists_is_trained_and_pushed(pushed: dict[str, pathlib.Path]) -> None:
    items = [make_example(x=number / 10) for number in range(3)]
    (scores,) = answers(pushed["ranking_model"], items).values()
    assert len(set(scores.ravel())) == len(items)
