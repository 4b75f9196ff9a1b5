"""Models of other libraries, from examples to a pushed model."""

from __future__ import annotations

import collections
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import input_pb2
from tf_examples import make_example, write_records

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "libraries.md"
PINS = ROOT / "requirements" / "libraries.txt"
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
    """The environment of a process that finds them, and that DeepCTR cannot phone home from."""
    path = [*filter(None, [os.environ.get("PYTHONPATH")]), str(libraries)]
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
    return {**os.environ, **nowhere, **variables, "PYTHONPATH": os.pathsep.join(path)}


OWN_TESTS = {
    "TensorFlow Privacy": [
        f"tensorflow_privacy/privacy/estimators/{name}_test.py"
        for name in ("binary_class_head", "multi_class_head", "multi_label_head", "dnn")
    ],
    "TF-GAN": [
        f"tensorflow_gan/{name}_test.py"
        for name in (
            "python/estimator/gan_estimator",
            "python/estimator/latent_gan_estimator",
            "python/estimator/stargan_estimator",
            "python/estimator/tpu_gan_estimator",
            "python/train",
            "examples/mnist_estimator/train",
        )
    ],
}
"""The tests of estimators and of training that wheels carry."""


@pytest.fixture(scope="module")
def own_tests(libraries: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the libraries' own tests came to, as pytest says it."""
    found = tmp_path_factory.mktemp("own") / "found.xml"
    run_tests = (
        "import sys; from tfx_estimators.collector import collect_seldom; collect_seldom();"
        "from tfx_estimators.estimator import activate; activate(keras=2);"
        "from absl import flags; flags.FLAGS(sys.argv[:1]);"
        "import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", run_tests, "-q", "-p", "no:cacheprovider", "-c", os.devnull,
         "--rootdir", str(libraries), f"--junitxml={found}",
         *(str(libraries / path) for paths in OWN_TESTS.values() for path in paths)],
        capture_output=True, text=True, check=False, env=with_libraries(libraries),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    counts = {library: collections.Counter[str]() for library in OWN_TESTS}
    for case in xml.etree.ElementTree.parse(found).iter("testcase"):
        for library, paths in OWN_TESTS.items():
            if any(case.get("classname", "").startswith(_module(path)) for path in paths):
                skipped = case.find("skipped") is not None
                counts[library]["skipped" if skipped else "passed"] += 1
    return {name: f"{n['passed']} passed, {n['skipped']} skipped" for name, n in counts.items()}


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


@pytest.mark.parametrize("library", OWN_TESTS)
def test_the_tests_that_the_wheels_carry_pass_as_the_page_says(
    own_tests: dict[str, str], library: str
) -> None:
    assert own_tests[library] in {row["result"] for row in rows(library)}


def rows(library: str) -> list[dict[str, str]]:
    """What docs/libraries.md says of a library on the default stack."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    heads, _, *cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    found = [dict(zip(heads, row, strict=True)) for row in cells]
    return [r for r in found if r["library"].startswith(library) and "default" in r["stack"]]


@pytest.fixture(scope="module")
def pushed(
    libraries: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pathlib.Path]:
    """One pipeline that trains and pushes every module: their pushed versions."""
    folder = tmp_path_factory.mktemp("libraries")
    write(folder / "data")
    names = ["tpu_model", "privacy_model", "ranking_model", "deepctr_model"]
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


def test_a_model_of_keras_layers_of_a_librarys_own_is_trained_and_pushed(
    pushed: dict[str, pathlib.Path],
) -> None:
    found = answers(pushed["deepctr_model"], [point(0), point(19)])
    assert found["pred"].shape == (2, 1)
    assert found["pred"] == pytest.approx(1 / (1 + np.exp(-found["logits"])), rel=1e-5)


def test_a_ranking_over_lists_is_trained_and_pushed(pushed: dict[str, pathlib.Path]) -> None:
    items = [make_example(x=number / 10) for number in range(3)]
    (scores,) = answers(pushed["ranking_model"], items).values()
    assert len(set(scores.ravel())) == len(items)


def test_the_page_names_the_versions_that_are_installed() -> None:
    pinned = dict(re.findall(r"^(\S+)==(\S+)", PINS.read_text(), re.M))
    for library, package in {
        "TensorFlow Privacy": "tensorflow-privacy",
        "TensorFlow Ranking": "tensorflow-ranking",
        "TF-GAN": "tensorflow-gan",
        "DeepCTR": "deepctr",
    }.items():
        named = {row["library"] for row in rows(library)}
        assert named == {f"{library} {pinned[package]}"}
