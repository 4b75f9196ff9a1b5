"""The Estimator API: every name TensorFlow 2.15 had, where it had it."""

from __future__ import annotations

import ast
import importlib
import pathlib
import types
from collections.abc import Iterator
from typing import Any

import pytest
import tensorflow as tf

from tfx_estimators import errors, estimator

DATA = pathlib.Path(__file__).parents[1] / "testdata" / "estimator"
WITHOUT_ESTIMATORS = tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 16)

pytestmark = pytest.mark.stacks


@pytest.fixture(scope="module", autouse=True)
def _activated() -> None:
    estimator.activate()


def reference(prefix: str) -> set[str]:
    names = (DATA / "names.txt").read_text().split()
    return {name.removeprefix(prefix + ".") for name in names if name.startswith(prefix + ".")}


def names(module: Any, prefix: str = "") -> Iterator[str]:
    for name in sorted(dir(module)):
        if not name.startswith("_"):
            value = getattr(module, name)
            yield prefix + name
            if isinstance(value, types.ModuleType):
                yield from names(value, f"{prefix}{name}.")


@pytest.mark.parametrize(
    ("module", "of"),
    [
        (lambda: estimator.v1, "tf.compat.v1.estimator"),
        (lambda: tf.estimator, "tf.estimator"),
        (lambda: tf.compat.v1.estimator, "tf.compat.v1.estimator"),
        (lambda: tf.compat.v2.estimator, "tf.estimator"),
    ],
    ids=["estimator.v1", "tf.estimator", "tf.compat.v1.estimator", "tf.compat.v2.estimator"],
)
def test_a_namespace_holds_what_tensorflow_2_15_had(module: Any, of: str) -> None:
    assert set(names(module())) == reference(of)


def test_the_package_offers_the_second_api_and_its_own_names() -> None:
    top = {name for name in reference("tf.estimator") if "." not in name}
    assert set(estimator.__all__) == top | {"activate", "columns", "v1"}
    assert dir(estimator) == estimator.__all__
    for name in top:
        assert getattr(estimator, name) is getattr(tf.estimator, name)
    assert set(names(estimator.experimental, "experimental.")) <= reference("tf.estimator")


def test_type_checkers_are_told_the_same_names() -> None:
    tree = ast.parse(pathlib.Path(str(estimator.__file__)).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    told = {
        alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told | {"activate"} == set(estimator.__all__)


def test_names_can_be_imported_from_every_place() -> None:
    from tensorflow import estimator as from_tensorflow
    from tensorflow.compat.v1 import estimator as from_v1
    from tensorflow.estimator import LinearClassifier as classifier

    from tfx_estimators.estimator import LinearClassifier
    from tfx_estimators.estimator.v1 import LinearClassifier as classifier_v1

    assert from_tensorflow.LinearClassifier is classifier is LinearClassifier
    assert from_v1.LinearClassifier is classifier_v1
    assert importlib.import_module("tensorflow.compat.v1").estimator.RunConfig is from_v1.RunConfig


def test_a_name_that_never_was_is_an_attribute_error() -> None:
    for module in (estimator, estimator.v1, tf.estimator):
        with pytest.raises(AttributeError, match="BoostedBushes"):
            module.BoostedBushes  # noqa: B018


def test_feature_columns_are_there_and_complete() -> None:
    wanted = {
        "bucketized_column", "categorical_column_with_hash_bucket",
        "categorical_column_with_identity", "categorical_column_with_vocabulary_file",
        "categorical_column_with_vocabulary_list", "crossed_column", "embedding_column",
        "indicator_column", "make_parse_example_spec", "numeric_column",
        "sequence_categorical_column_with_hash_bucket",
        "sequence_categorical_column_with_identity",
        "sequence_categorical_column_with_vocabulary_file",
        "sequence_categorical_column_with_vocabulary_list", "sequence_numeric_column",
        "shared_embeddings", "weighted_categorical_column",
    }  # fmt: skip
    assert wanted <= set(dir(tf.feature_column))
    v1 = wanted - {"shared_embeddings"} | {
        "input_layer", "linear_model", "shared_embedding_columns",
    }  # fmt: skip
    assert v1 <= set(dir(tf.compat.v1.feature_column))


@pytest.mark.skipif(not WITHOUT_ESTIMATORS, reason="TensorFlow 2.15 still has them")
@pytest.mark.parametrize(
    "use",
    [
        lambda tpu: tpu.TPUEstimator(lambda: None, config=tpu.RunConfig(), train_batch_size=8),
        lambda tpu: tpu.TPUEstimator(lambda: None, None, tpu.RunConfig(), {}, True, 8),
        lambda tpu: tpu.experimental.EmbeddingConfigSpec(feature_columns=[]),
    ],
)
def test_what_tensorflow_removed_is_refused_when_used(use: Any) -> None:
    tpu = estimator.v1.tpu
    assert isinstance(tpu.TPUEstimator, type)
    assert tpu.TPUConfig(iterations_per_loop=3).iterations_per_loop == 3
    with pytest.raises(errors.RemovedFromTensorFlowError, match=r"estimator\.tpu.*\n.*CPU"):
        use(tpu)


@pytest.mark.skipif(not WITHOUT_ESTIMATORS, reason="TensorFlow 2.15 still has them")
def test_removed_private_modules_are_refused_when_used() -> None:
    from tensorflow_estimator.python.estimator.tpu import tpu_estimator

    with pytest.raises(errors.RemovedFromTensorFlowError, match="session_support"):
        tpu_estimator.session_support.ShutdownAllWorkers()
