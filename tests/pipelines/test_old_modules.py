"""A module that makes its process TensorFlow 1's, through every step."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf
from tf_examples import make_example, write_records

from tfx_estimators.components.examples import read_batches

MODEL = """
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
tf.disable_eager_execution()
tf.disable_v2_tensorshape()
tf.disable_resource_variables()
tf.logging.set_verbosity(tf.logging.ERROR)
tf.config.set_soft_device_placement(True)
tf.app.flags.DEFINE_integer("hidden_units", 2, "Units of the hidden layer.")

fc = tf.feature_column


def feature_columns():
    words = fc.categorical_column_with_vocabulary_list("word", ["a", "b"])
    x = fc.numeric_column("x")
    return [x, fc.bucketized_column(x, [5.0, 10.0]), fc.indicator_column(words)]


def model_fn(features, labels, mode, params):
    inputs = fc.input_layer(features, params["columns"])
    width = inputs.shape[1].value  # a Dimension, as in TensorFlow 1
    weights = tf.get_variable("weights", [width, params["hidden_units"]])
    logits = tf.layers.dense(tf.matmul(inputs, weights), 1)
    head = tf.estimator.BinaryClassHead()
    optimizer = tf.train.AdamOptimizer(0.1)
    return head.create_estimator_spec(
        features, mode, logits, labels=labels,
        train_op_fn=lambda loss: optimizer.minimize(loss, tf.train.get_global_step()),
    )


def estimator_fn(columns, config, params):
    params = {"columns": columns, "hidden_units": tf.app.flags.FLAGS["hidden_units"].default}
    return tf.estimator.Estimator(model_fn, config=config, params=params)
"""

PIPELINE = """
def create_pipeline(root, data):
    import model  # a module beside the pipeline's file may be imported by it first
    from tfx import v1 as tfx
    from tfx_estimators.components import (
        EstimatorEvaluator, EstimatorPusher, EstimatorTrainer, FeatureColumnTransform,
    )

    artifacts, importer = tfx.types.standard_artifacts, tfx.dsl.Importer
    splits = {"split_names": '["train", "eval"]'}
    examples = importer(source_uri=str(data / "examples"), artifact_type=artifacts.Examples,
                        properties=splits).with_id("examples")
    schema = importer(source_uri=str(data / "schema"), artifact_type=artifacts.Schema
                      ).with_id("schema")
    columns = FeatureColumnTransform(
        examples=examples.outputs["result"], schema=schema.outputs["result"],
        module_file=model.__file__, label_key="y",
    )
    trained = EstimatorTrainer(
        examples=columns.outputs["transformed_examples"],
        transform_graph=columns.outputs["transform_graph"],
        feature_columns=columns.outputs["feature_columns"],
        module_file=model.__file__, train_args=tfx.proto.TrainArgs(num_steps=60),
        custom_config={"seed": 1},  # What two layers have learned after 60 steps is asserted.
    )
    evaluated = EstimatorEvaluator(
        examples=examples.outputs["result"], model=trained.outputs["model"],
        transform_graph=columns.outputs["transform_graph"], label_key="y",
    )
    filesystem = tfx.proto.PushDestination.Filesystem(base_directory=str(root / "serving"))
    pushed = EstimatorPusher(
        model=trained.outputs["model"],
        push_destination=tfx.proto.PushDestination(filesystem=filesystem),
    )
    store = tfx.orchestration.metadata.sqlite_metadata_connection_config
    return tfx.dsl.Pipeline(
        "old", str(root / "artifacts"), store(str(root / "metadata" / "metadata.sqlite")),
        components=[examples, schema, columns, trained, evaluated, pushed],
    )
"""


def example(number: int) -> bytes:
    return make_example(x=float(number), word="ab"[number % 2], y=number % 2)


def write(folder: pathlib.Path) -> pathlib.Path:
    write_records(folder / "data-0.gz", map(example, range(20)))
    return folder / "data-0.gz"


@pytest.mark.stacks
def test_records_are_read_where_eager_execution_is_off(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path / "examples")
    with tf.Graph().as_default():
        read = read_batches([str(file)], 15)
        first = next(read)
        assert not tf.executing_eagerly()  # whoever reads is left as he was
        assert [len(first), *map(len, read)] == [15, 5]


@pytest.mark.slow
@pytest.mark.stacks
def test_a_module_that_disables_v2_behavior_runs_from_examples_to_a_pushed_model(
    tmp_path: pathlib.Path,
) -> None:
    for split in ("train", "eval"):
        write(tmp_path / "data" / "examples" / f"Split-{split}")
    kinds = {"x": "FLOAT", "word": "BYTES", "y": "INT"}
    features = [
        f'feature {{ name: "{name}" type: {kind} presence {{ min_fraction: 1 }}'
        " shape { dim { size: 1 } } }"
        for name, kind in kinds.items()
    ]
    (tmp_path / "data" / "schema").mkdir()
    (tmp_path / "data" / "schema" / "schema.pbtxt").write_text("\n".join(features))
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "old.py").write_text(PIPELINE)
    answer = subprocess.run(
        [sys.executable, "-m", "tfx_estimators.cli", "run", str(tmp_path / "old.py"),
         "--data", str(tmp_path / "data"), "--root", str(tmp_path / "runs")],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-3000:]
    (version,) = (tmp_path / "runs" / "serving").glob("[0-9]*")
    predict = tf.saved_model.load(str(version)).signatures["predict"]
    found = predict(tf.constant([example(number) for number in range(20)]))
    assert found["class_ids"].numpy().ravel().tolist() == [0, 1] * 10
