"""`run_fn` and `trainer_fn`, as modules for TFX 1.x have them."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.proto import trainer_pb2

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components import EstimatorEvaluator, EstimatorTrainer
from tfx_estimators.components.evaluator.report import load_report

MODULES = pathlib.Path(__file__).parent / "modules"
STEPS = 60

pytestmark = pytest.mark.stacks


@pytest.fixture(scope="module")
def trained(
    run_pipeline: Any, import_artifacts: Callable[[], list[Any]], importable_modules: None
) -> Callable[[str], Any]:
    from tfx.components.transform.component import Transform

    tf_estimator.activate()  # stock Transform imports the module too, and knows no estimators
    examples, schema, tuned = import_artifacts()
    transform = Transform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        preprocessing_fn="era_module.preprocessing_fn",
    )
    arguments = {
        "train_args": trainer_pb2.TrainArgs(num_steps=STEPS),
        "eval_args": trainer_pb2.EvalArgs(num_steps=5),
    }
    trainer_fn = EstimatorTrainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["result"],
        module_path="era_module",
        **arguments,
    ).with_id("trainer_fn")
    run_fn = EstimatorTrainer(
        examples=examples.outputs["result"],
        hyperparameters=tuned.outputs["result"],
        module_file=str(MODULES / "run_module.py"),
        custom_config={"note": "as given"},
        **arguments,
    ).with_id("run_fn")
    # Neither a label nor a configuration: the module's EvalInputReceiver has to do. It names
    # what the transform makes, and the model says which transform that was.
    evaluator = EstimatorEvaluator(
        examples=examples.outputs["result"],
        model=trainer_fn.outputs["model"],
        schema=schema.outputs["result"],
    )
    return run_pipeline([examples, schema, tuned, transform, trainer_fn, run_fn, evaluator])


def records(points: Any) -> list[bytes]:
    files = sorted(pathlib.Path(points.uri, "Split-eval").iterdir())
    dataset = tf.data.TFRecordDataset([str(file) for file in files], "GZIP")
    return list(dataset.as_numpy_iterator())


def test_a_module_of_tfx_1_14_trains_and_serves(trained: Any, points: Any) -> None:
    """The exported model answers raw examples as the checkpoint does transformed ones."""
    import era_module
    import tensorflow_transform as tft

    result = trained("trainer_fn")
    (graph,) = (result.model.parent.parent.parent / "Transform" / "transform_graph").iterdir()
    transform_output = tft.TFTransformOutput(str(graph))
    raw = records(points)

    def input_fn() -> Any:
        spec = transform_output.raw_feature_spec()
        spec.pop("y")
        return transform_output.transform_raw_features(tf.io.parse_example(raw, spec))

    config = tf_estimator.RunConfig(model_dir=str(result.model_run / "Format-Serving"))
    estimator = era_module._build_estimator(config, hidden_units=[8, 4], warm_start_from=None)
    rows = [row for _, row in zip(range(200), estimator.predict(input_fn), strict=False)]
    signatures = tf.saved_model.load(str(result.serving)).signatures
    served = signatures["predict"](examples=tf.constant(raw))
    np.testing.assert_allclose(
        served["probabilities"], [row["probabilities"] for row in rows], atol=1e-6
    )
    assert {"serving_default", "classification", "regression"} <= set(signatures)


def test_trainer_fn_keeps_checkpoints_and_summaries_in_the_model_run(trained: Any) -> None:
    result = trained("trainer_fn")
    training = result.model_run / "Format-Serving"
    checkpoint = tf.train.latest_checkpoint(str(training))
    assert checkpoint is not None
    assert int(tf.train.load_variable(checkpoint, "global_step")) == STEPS
    assert list(training.glob("events.out.*"))
    assert list((training / "eval_points-eval").glob("events.out.*"))


def test_the_eval_input_receiver_is_recorded(trained: Any) -> None:
    file = trained("trainer_fn").model_run / "eval_input_receiver.json"
    record = json.loads(file.read_text())
    assert set(record["features"]) >= {"x", "x_xf"}
    assert record["labels"] == {"": "int64"}
    assert record["label_key"] == "y_xf"


def test_the_eval_input_receivers_label_drives_the_evaluator(trained: Any, points: Any) -> None:
    labels = [tf.train.Example.FromString(record) for record in records(points)]
    mean = np.mean([label.features.feature["y"].int64_list.value[0] for label in labels])
    (evaluation,) = (trained.artifacts / "EstimatorEvaluator" / "evaluation").iterdir()
    metrics = load_report(str(evaluation)).overall().metrics
    assert metrics["example_count"] == 200
    assert metrics["label/mean"] == pytest.approx(mean)


def test_run_fn_gets_what_tfx_gives_it(trained: Any, points: Any) -> None:
    result = trained("run_fn")
    seen = json.loads((result.model_run / "seen.json").read_text())
    assert seen["custom"] == {"note": "as given"}
    assert seen["values"]["values"] == {"hidden_units": [5, 3]}
    assert result.global_step() == STEPS
    signature = tf.saved_model.load(str(result.serving)).signatures["predict"]
    assert signature(examples=tf.constant(records(points)))["logistic"].shape == [200, 1]
