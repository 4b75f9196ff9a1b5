"""`feature_columns` + `estimator_fn`: from the transform to a servable model."""

from __future__ import annotations

import pathlib
import random
import shutil
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.model_digest import hash_model

STEPS = 60
SERVE = """
import sys
import numpy as np
import tensorflow as tf
records, model, folder = sys.argv[1:]
examples = list(tf.data.TFRecordDataset(records).as_numpy_iterator())
signatures = tf.saved_model.load(model).signatures
for key, function in signatures.items():
    (name,) = function.structured_input_signature[1]
    results = function(**{name: tf.constant(examples)})
    np.savez(f"{folder}/{key}.npz", **{name: value.numpy() for name, value in results.items()})
assert not {"tfx", "tfx_estimators", "tensorflow_transform"} & set(sys.modules)
"""

pytestmark = pytest.mark.stacks


def kernel(result: Any, layer: int = 0) -> np.ndarray:
    checkpoint = tf.train.latest_checkpoint(str(result.model_run))
    name = f"dnn/hiddenlayer_{layer}/kernel/part_0"
    known = dict(tf.train.list_variables(checkpoint))
    return tf.train.load_variable(checkpoint, name if name in known else name[: -len("/part_0")])


@pytest.fixture(scope="module")
def records(points: Any, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The raw evaluation examples without their label."""
    files = sorted(str(file) for file in pathlib.Path(points.uri, "Split-eval").iterdir())
    path = tmp_path_factory.mktemp("records") / "unlabelled"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
            example = tf.train.Example.FromString(record)
            del example.features.feature["y"]
            writer.write(example.SerializeToString())
    return path


def predict(columns_runs: Any, records: pathlib.Path) -> dict[str, np.ndarray]:
    """`Estimator.predict` over the raw records, by the newest checkpoint of "first"."""
    import columns_module
    import tensorflow_transform as tft

    from tfx_estimators.estimator.columns import load_model_columns

    artifacts = columns_runs("first").model.parent.parent.parent / "FeatureColumnTransform"
    (graph,) = (artifacts / "transform_graph").iterdir()
    (columns_folder,) = (artifacts / "feature_columns").iterdir()
    columns = load_model_columns(
        columns_module.feature_columns(), str(columns_folder / "columns.json")
    )
    config = tf_estimator.RunConfig(model_dir=str(columns_runs("first").model_run))
    estimator = columns_module.estimator_fn(columns, config, {})
    transform_output = tft.TFTransformOutput(str(graph))

    def input_fn() -> Any:
        spec = transform_output.raw_feature_spec()
        spec.pop("y")
        everything = list(tf.compat.v1.io.tf_record_iterator(str(records)))
        return transform_output.transform_raw_features(tf.io.parse_example(everything, spec))

    rows = [row for _, row in zip(range(200), estimator.predict(input_fn), strict=False)]
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def test_the_exported_model_answers_as_the_estimator_without_our_package(
    columns_runs: Any, records: pathlib.Path, tmp_path: pathlib.Path, importable_modules: None
) -> None:
    expected = predict(columns_runs, records)
    arguments = [str(records), str(columns_runs("first").serving), str(tmp_path)]
    subprocess.run([sys.executable, "-c", SERVE, *arguments], check=True)
    names = ("predict", "serving_default", "classification", "regression")
    served = {name: np.load(tmp_path / f"{name}.npz") for name in names}
    for key in ("logits", "logistic", "probabilities", "class_ids"):
        np.testing.assert_allclose(served["predict"][key], expected[key], atol=1e-6)
    np.testing.assert_allclose(
        served["serving_default"]["scores"], expected["probabilities"], atol=1e-6
    )
    np.testing.assert_allclose(served["regression"]["outputs"], expected["logistic"], atol=1e-6)
    assert served["predict"]["logits"].std() > 0.01


def test_inputs_are_named_for_callers_and_for_serving(columns_runs: Any) -> None:
    signatures = tf.saved_model.load(str(columns_runs("first").serving)).signatures
    names = {name: set(s.structured_input_signature[1]) for name, s in signatures.items()}
    assert names["predict"] == {"examples"}
    assert names["serving_default"] == names["classification"] == {"inputs"}
    assert names["regression"] == {"inputs"}


def test_checkpoints_and_summaries_are_in_the_model_run(columns_runs: Any) -> None:
    result = columns_runs("first")
    assert result.global_step() == STEPS
    assert list(result.model_run.glob("events.out.*"))
    assert list((result.model_run / "eval").glob("events.out.*"))
    assert {file.name for file in result.model.iterdir()} == {"Format-Serving"}


def test_the_same_seed_gives_the_same_weights_in_the_same_files(columns_runs: Any) -> None:
    first, again = columns_runs("first"), columns_runs("again")
    np.testing.assert_array_equal(kernel(first), kernel(again))
    assert hash_model(str(first.serving)) == hash_model(str(again.serving))
    root = str(first.model.parent.parent.parent).encode()
    assert root not in (first.serving / "saved_model.pb").read_bytes()
    assert not np.array_equal(kernel(columns_runs("first")), kernel(columns_runs("warm")))


KERAS_LAYERS = """
import numpy as np

def estimator_fn(columns, config, params):
    def model_fn(features, labels, mode):
        inputs = tf.compat.v1.feature_column.input_layer(features, columns["dnn"])
        start = tf.constant_initializer(np.random.normal(size=4))
        hidden = tf.keras.layers.Dense(4, bias_initializer=start, name="hidden")(inputs)
        logits = tf.keras.layers.Dense(1, name="logits")(hidden)
        served = tf_estimator.export.PredictOutput({"logits": logits})
        if mode == "infer":
            outputs = {"serving_default": served, "predict": served}
            return tf_estimator.EstimatorSpec(mode, {"logits": logits}, export_outputs=outputs)
        loss = tf.reduce_mean(tf.square(logits - tf.cast(labels, tf.float32)))
        step = tf.compat.v1.assign_add(tf.compat.v1.train.get_global_step(), 1)
        return tf_estimator.EstimatorSpec(mode, loss=loss, train_op=step)

    return tf_estimator.Estimator(model_fn, config=config)
"""


def test_the_same_seed_gives_keras_layers_the_same_weights(train: Any, module: Any) -> None:
    file = module(KERAS_LAYERS)
    state, weights = random.getstate(), []
    for fresh in ("once", "again"):
        run = train(file, steps=1, custom_config={"seed": 5}, fresh=fresh).model_run
        checkpoint = tf.train.latest_checkpoint(str(run))
        names = ("hidden/kernel", "hidden/bias", "logits/kernel")
        weights.append([tf.train.load_variable(checkpoint, name) for name in names])
        shutil.rmtree(run.parent)
    for once, again in zip(*weights, strict=True):
        np.testing.assert_array_equal(once, again)
    assert random.getstate() == state, "what is drawn after a training does not follow its seed"


def test_a_base_model_is_where_training_starts(columns_runs: Any) -> None:
    # One Adagrad step moves a weight by less than its learning rate, 0.05.
    np.testing.assert_allclose(
        kernel(columns_runs("warm")), kernel(columns_runs("first")), atol=0.0501
    )
    assert columns_runs("warm").global_step() == 1


def test_hyperparameters_win_over_custom_config(columns_runs: Any) -> None:
    result = columns_runs("small")
    assert kernel(result, 0).shape[1] == 5
    assert kernel(result, 1).shape == (5, 3)
    assert {path.name for path in result.model_run.glob("*-2.index")} == {"model.ckpt-2.index"}


def test_the_exported_graph_knows_no_place_of_this_machine(columns_runs: Any) -> None:
    serving = columns_runs("first").serving
    root = str(columns_runs("first").model.parents[3]).encode()
    files = [path for path in serving.rglob("*") if path.is_file()]
    assert [path.name for path in files if root in path.read_bytes()] == []
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.load(session, ["serve"], str(serving))
    operations = {node.name for node in graph.graph_def.node}
    initializers = graph.collection_def["table_initializer"].node_list.value
    assert initializers
    assert set(initializers) <= operations, "as TensorFlow's Java API wants it"
