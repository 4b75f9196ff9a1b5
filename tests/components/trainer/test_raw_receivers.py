"""A model that is served raw tensors is evaluated, predicts, is tried and is pushed."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components import (
    EstimatorEvaluator,
    EstimatorPredictor,
    EstimatorPusher,
    EstimatorTrainer,
)
from tfx_estimators.components.evaluator import load_report
from tfx_estimators.components.model_digest import hash_model, model_digest

MODULES = pathlib.Path(__file__).parent / "modules"


@pytest.mark.parametrize(
    "contract",
    [
        pytest.param("trainer_fn", marks=pytest.mark.stacks),
        pytest.param("run_fn", marks=pytest.mark.slow),
    ],
)
@pytest.mark.filterwarnings("default:an EvalSavedModel")
def test_it_goes_through_every_component(
    points: Any,
    execute: Any,
    channel: Any,
    importable_modules: None,
    schema_folder: pathlib.Path,
    tmp_path: pathlib.Path,
    contract: str,
) -> None:
    tf_estimator.activate()
    examples, models = (
        channel(kind) for kind in (standard_artifacts.Examples, standard_artifacts.Model)
    )
    schema = standard_artifacts.Schema()
    schema.uri = str(schema_folder)
    trainer = EstimatorTrainer(
        examples=examples,
        schema=channel(standard_artifacts.Schema),
        module_file=str(MODULES / f"raw_receiver_{contract}.py"),
        train_args=trainer_pb2.TrainArgs(num_steps=5),
        eval_args=trainer_pb2.EvalArgs(num_steps=1),
    )
    model = execute(trainer, {"examples": points, "schema": schema})["model"]
    serving = pathlib.Path(model.uri, "Format-Serving")
    assert model_digest(hash_model(str(serving))) == model.get_string_custom_property(
        "model_digest"
    ), "what is served is as the module wrote it"
    inputs = {"examples": points, "model": model}

    # Without a label: the module's EvalInputReceiver names it.
    evaluator = EstimatorEvaluator(examples=examples, model=models)
    outputs = execute(evaluator, inputs)
    found = load_report(outputs["evaluation"].uri).overall().metrics

    files = sorted(str(file) for file in pathlib.Path(points.uri, "Split-eval").iterdir())
    records = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    spec = {"x": tf.io.FixedLenFeature([1], tf.float32), "y": tf.io.FixedLenFeature([1], tf.int64)}
    parsed = tf.io.parse_example(records, spec)
    served = tf.saved_model.load(str(serving)).signatures["predict"](x=parsed["x"])
    right = (served["logistic"].numpy() > 0.5) == parsed["y"].numpy()
    assert found["accuracy"] == pytest.approx(np.mean(right), abs=1e-6)
    assert found["prediction/mean"] == pytest.approx(np.mean(served["logistic"]), abs=1e-6)

    predictor = EstimatorPredictor(
        examples=examples, model=models, example_splits=["eval"], output_features={"logistic": "p"}
    )
    made = pathlib.Path(execute(predictor, inputs)["output_examples"].uri, "Split-eval")
    predicted = [
        tf.train.Example.FromString(record).features.feature["p"].float_list.value[0]
        for file in made.iterdir()
        for record in tf.data.TFRecordDataset([str(file)], "GZIP").as_numpy_iterator()
    ]
    np.testing.assert_allclose(
        sorted(predicted), np.sort(np.ravel(served["logistic"])), rtol=0, atol=1e-6
    )
    if contract == "run_fn":
        return
    pusher = EstimatorPusher(
        examples=examples, model=models, push_destination=str(tmp_path / "serving")
    )
    execute(pusher, inputs)
    (version,) = (tmp_path / "serving").glob("[0-9]*")
    pushed = tf.saved_model.load(str(version)).signatures["predict"]
    assert "x" in pushed.structured_input_signature[1]
