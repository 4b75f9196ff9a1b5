"""Pushed models answer in a program that we did not write and that has no Python: TensorFlow's
Java API, as they answer here.
"""

from __future__ import annotations

import base64
import json
import pathlib
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tf_examples import make_example
from tfx.types.artifact import Artifact

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.examples import find_splits, read_batches
from tfx_estimators.components.pusher.place import copy_tree
from tfx_estimators.components.pusher.versions import Folder
from tfx_estimators.components.trainer.checkpoints.finished_model import finish_model
from tfx_estimators.components.trainer.session.export import export_for_serving

JAVA = pathlib.Path(__file__).parents[2] / "java"
MODULES = pathlib.Path(__file__).parent / "modules"
BATCH = 8


@pytest.fixture(scope="module")
def ask_java(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], Any]:
    """`ask_java(questions)`: what `AskModels` answers."""
    project = tmp_path_factory.mktemp("java") / "project"
    shutil.copytree(JAVA, project)
    again = str(JAVA.parents[1] / "scripts" / "again.sh")
    subprocess.run([again, "mvn", "-q", "-B", "process-classes"], cwd=project, check=True)
    classes, jars = project / "target/classes", (project / "target/classpath").read_text()

    def ask(questions: Any) -> Any:
        (project / "questions.json").write_text(json.dumps(questions))
        command = ["java", "-cp", f"{classes}:{jars}", "AskModels", "questions.json", "answers"]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads((project / "answers").read_text())

    return ask


@pytest.fixture(scope="module")
def pushed_by_pipeline(
    run_pipeline: Any, import_artifacts: Callable[[], list[Any]], tmp_path_factory: Any
) -> pathlib.Path:
    """The version that a pipeline pushes: with a transform graph and a vocabulary."""
    from tfx.proto import trainer_pb2

    from tfx_estimators.components import (
        EstimatorPusher,
        EstimatorTrainer,
        FeatureColumnTransform,
    )

    examples, schema, _ = import_artifacts()
    transform = FeatureColumnTransform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        module_file=str(MODULES / "columns_module.py"),
        label_key="y",
    )
    trainer = EstimatorTrainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        feature_columns=transform.outputs["feature_columns"],
        schema=schema.outputs["result"],
        module_file=str(MODULES / "columns_module.py"),
        train_args=trainer_pb2.TrainArgs(num_steps=20),
        custom_config={"seed": 1},
    )
    base = tmp_path_factory.mktemp("serving")
    pusher = EstimatorPusher(model=trainer.outputs["model"], push_destination=str(base))
    run_pipeline([examples, schema, transform, trainer, pusher])
    (version,) = Folder(str(base)).versions()
    return pathlib.Path(base, str(version))


def seeded() -> Any:
    return tf_estimator.RunConfig(tf_random_seed=1)


def digits() -> tuple[Any, Any]:
    """A deep network over an image, asked with serialized examples."""
    columns = [tf.feature_column.numeric_column("pixels", shape=[64])]
    estimator = tf_estimator.DNNClassifier(
        [16, 8], columns, n_classes=10, batch_norm=True, dropout=0.2, config=seeded()
    )
    spec = {"pixels": tf.io.FixedLenFeature([64], tf.float32)}
    receiver = tf_estimator.export.build_parsing_serving_input_receiver_fn(spec)
    return estimator, receiver


def raw_tensors() -> tuple[Any, Any]:
    """A linear model that is asked with tensors."""
    columns = [
        tf.feature_column.numeric_column("pixels", shape=[64]),
        tf.feature_column.categorical_column_with_hash_bucket("color", 7),
    ]

    def receiver() -> Any:
        raw = {
            "pixels": tf.compat.v1.placeholder(tf.float32, [None, 64], "pixels"),
            "color": tf.compat.v1.placeholder(tf.string, [None, 1], "color"),
        }
        return tf_estimator.export.ServingInputReceiver(raw, raw)

    return tf_estimator.LinearClassifier(columns, n_classes=10), receiver


def two_heads() -> tuple[Any, Any]:
    """A model with a class and a number to predict."""
    head = tf_estimator.MultiHead(
        [tf_estimator.MultiClassHead(10, name="digit"), tf_estimator.RegressionHead(name="size")]
    )
    columns = [tf.feature_column.numeric_column("pixels", shape=[64])]
    estimator = tf_estimator.DNNEstimator(head, [8], columns, config=seeded())
    spec = {"pixels": tf.io.FixedLenFeature([64], tf.float32)}
    receiver = tf_estimator.export.build_parsing_serving_input_receiver_fn(spec)
    return estimator, receiver


def rows() -> dict[str, Any]:
    random = np.random.default_rng(3)
    return {
        "pixels": random.random((BATCH, 64), np.float32),
        "color": np.array([[f"{i % 3}".encode()] for i in range(BATCH)]),
    }


def push(make: Callable[[], tuple[Any, Any]], folder: pathlib.Path) -> pathlib.Path:
    """Trains a little, exports as the trainer does, publishes as the pusher does."""
    estimator, receiver = make()
    digit = np.arange(BATCH)[:, None] % 10
    labels: Any = digit
    if make is two_heads:
        labels = {"digit": digit, "size": digit.astype(np.float32)}
    estimator.train(lambda: tf.data.Dataset.from_tensors((rows(), labels)).repeat(), steps=5)
    export_for_serving(estimator, receiver, str(folder / "model"))
    finish_model(str(folder / "model"))
    place = Folder(str(folder / "serving"))
    place.check_writable()
    with place.staging() as staged:
        copy_tree(str(folder / "model"), staged, lambda count: None)
        return pathlib.Path(place.publish(staged, "0" * 64)[0])


def serialized() -> list[bytes]:
    made = rows()
    return [
        make_example(pixels=pixels, color=list(color))
        for pixels, color in zip(made["pixels"], made["color"], strict=True)
    ]


def as_json(array: Any) -> dict[str, Any]:
    if array.dtype.kind in "OS":
        values = [base64.b64encode(text).decode() for text in array.ravel()]
        return {"dtype": "string", "shape": array.shape, "values": values}
    return {"dtype": str(array.dtype), "shape": array.shape, "values": array.ravel().tolist()}


def from_json(values: dict[str, Any]) -> Any:
    if values["dtype"] == "string":
        texts = [base64.b64decode(text) for text in values["values"]]
        return np.array(texts, object).reshape(values["shape"])
    return np.array(values["values"], values["dtype"]).reshape(values["shape"])


def ask_python(model: pathlib.Path, examples: list[bytes]) -> list[tuple[Any, dict[str, Any]]]:
    """A question for each signature, and the answer."""
    asked = []
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.load(session, ["serve"], str(model))
        for name, signature in sorted(graph.signature_def.items()):
            inputs = {
                key: np.array(examples, object)
                if len(signature.inputs) == 1 and info.dtype == tf.string.as_datatype_enum
                else rows()[key]
                for key, info in signature.inputs.items()
            }
            feed = {signature.inputs[key].name: value for key, value in inputs.items()}
            outputs = {key: info.name for key, info in signature.outputs.items()}
            question = {
                "model": str(model),
                "signature": name,
                "inputs": {key: as_json(value) for key, value in inputs.items()},
            }
            asked.append((question, session.run(outputs, feed)))
    return asked


@pytest.mark.slow
def test_java_answers_as_python(
    ask_java: Callable[[Any], Any],
    pushed_by_pipeline: pathlib.Path,
    points: Artifact,
    tmp_path: pathlib.Path,
) -> None:
    raw = next(read_batches(find_splits([points])[0].files, batch_size=BATCH))
    asked = ask_python(pushed_by_pipeline, raw)
    assert len(asked) == 4
    for make in (digits, raw_tensors, two_heads):
        there = ask_python(push(make, tmp_path / make.__name__), serialized())
        assert there
        asked += there
    answers = ask_java([question for question, _ in asked])
    for (question, expected), answer in zip(asked, answers, strict=True):
        what = f"{question['model']}: {question['signature']}"
        assert set(answer) == set(expected), what
        for name, values in expected.items():
            found = from_json(answer[name])
            assert found.shape == values.shape, f"{what}: {name}"
            if values.dtype.kind == "f":
                np.testing.assert_allclose(found, values, rtol=1e-6, atol=1e-6, err_msg=what)
            else:
                np.testing.assert_array_equal(found, values, err_msg=what)
