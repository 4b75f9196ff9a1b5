"""Examples, models and single-component runs that several components' tests share."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tf_examples import make_example, write_records
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact

COLORS = ("red", "green", "blue")


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Points with a label that x predicts well but not perfectly."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        x = float(random.normal())
        label = int(random.random() < 1 / (1 + np.exp(-2 * x)))
        color = COLORS[int(random.integers(len(COLORS)))]
        made.append({"x": x, "y": label, "color": color, "w": float(random.integers(1, 4))})
    return made


@pytest.fixture(scope="session")
def example() -> Callable[..., bytes]:
    return make_example


@pytest.fixture(scope="session")
def data() -> dict[str, list[dict[str, Any]]]:
    """Rows by split: x, y in {0, 1}, color, w."""
    return {"train": rows(50, seed=1), "eval": rows(300, seed=2)}


@pytest.fixture(scope="session")
def make_examples() -> Callable[..., Artifact]:
    """Writes an Examples artifact: `make_examples(folder, {split: [serialized, ...]})`."""

    def make(folder: pathlib.Path, splits: dict[str, list[bytes]]) -> Artifact:
        for split, records in splits.items():
            half = len(records) // 2
            write_records(folder / f"Split-{split}" / "data-0.gz", records[:half])
            write_records(folder / f"Split-{split}" / "data-1.gz", records[half:])
        artifact = standard_artifacts.Examples()
        artifact.uri = str(folder)
        artifact.split_names = artifact_utils.encode_split_names(list(splits))
        return artifact

    return make


@pytest.fixture(scope="session")
def examples(
    tmp_path_factory: pytest.TempPathFactory,
    data: dict[str, list[dict[str, Any]]],
    make_examples: Callable[..., Artifact],
) -> Artifact:
    """`data` as an Examples artifact with splits train and eval."""
    serialized = {split: [make_example(**row) for row in made] for split, made in data.items()}
    return make_examples(tmp_path_factory.mktemp("examples"), serialized)


class BinaryClassifier(tf.Module):  # type: ignore[misc]
    """Has the `predict` signature of a binary estimator: P(1) = sigmoid(slope * x + bias)."""

    def __init__(self, slope: float, bias: float) -> None:
        super().__init__()
        self.slope = tf.Variable(slope)
        self.bias = tf.Variable(bias)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def predict(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})
        logits = self.slope * parsed["x"] + self.bias
        logistic = tf.sigmoid(logits)
        ids = tf.cast(logits > 0, tf.int64)
        ones = tf.ones_like(ids)
        return {
            "logits": logits,
            "logistic": logistic,
            "probabilities": tf.concat([1 - logistic, logistic], axis=1),
            "class_ids": ids,
            "classes": tf.strings.as_string(ids),
            "all_class_ids": tf.cast(tf.concat([ones * 0, ones], axis=1), tf.int32),
            "all_classes": tf.strings.as_string(tf.concat([ones * 0, ones], axis=1)),
        }


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Artifact]:
    """Writes a Model artifact: `make_model(folder, slope=..., bias=...)`."""

    def make(folder: pathlib.Path, slope: float = 2.0, bias: float = 0.0) -> Artifact:
        module = BinaryClassifier(slope, bias)
        signatures = {"predict": module.predict, "serving_default": module.predict}
        tf.saved_model.save(module, str(folder / "Format-Serving"), signatures)
        artifact = standard_artifacts.Model()
        artifact.uri = str(folder)
        return artifact

    return make


@pytest.fixture(scope="session")
def model(
    tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., Artifact]
) -> Artifact:
    """A good model for `data`."""
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def execute(tmp_path: pathlib.Path) -> Callable[..., dict[str, Artifact]]:
    """Runs a component's executor as a step would, without a pipeline around it.

    `execute(component, {"examples": artifact, ...})` returns the outputs by key.
    """
    from tfx.dsl.components.base import base_beam_executor, base_executor

    def run(component: Any, inputs: dict[str, Artifact | None]) -> dict[str, Artifact]:
        executor_class = component.executor_spec.executor_class
        if issubclass(executor_class, base_beam_executor.BaseBeamExecutor):
            context = base_beam_executor.BaseBeamExecutor.Context(
                tmp_dir=str(tmp_path), unique_id="1"
            )
        else:
            context = base_executor.BaseExecutor.Context(tmp_dir=str(tmp_path), unique_id="1")
        outputs = {}
        for key, channel in component.outputs.items():
            outputs[key] = channel.type()
            outputs[key].uri = str(tmp_path / "out" / key)
            (tmp_path / "out" / key).mkdir(parents=True, exist_ok=True)
        properties = {k: v for k, v in component.exec_properties.items() if v is not None}
        executor_class(context).Do(
            {key: [artifact] if artifact is not None else [] for key, artifact in inputs.items()},
            {key: [artifact] for key, artifact in outputs.items()},
            json.loads(json.dumps(properties)),
        )
        return outputs

    return run


@pytest.fixture(scope="session")
def channel() -> Callable[[Any], Any]:
    """An unresolved channel, for constructing a component."""
    from tfx.types.channel import Channel

    def make(artifact_type: Any) -> Any:
        return Channel(type=artifact_type)

    return make
