"""What a module may override, and what the trainer does with its arguments."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
import tensorflow as tf

from tfx_estimators.components.trainer.contracts import legacy_tfma
from tfx_estimators.components.trainer.contracts.precedence import Contract, find_contract
from tfx_estimators.components.trainer.contracts.settings import merge_params


def test_the_contracts_in_order() -> None:
    columns = {"feature_columns", "estimator_fn"}
    assert find_contract({"run_fn", "trainer_fn", *columns}) is Contract.RUN_FN
    assert find_contract({"trainer_fn", *columns}) is Contract.TRAINER_FN
    assert find_contract(columns) is Contract.COLUMNS
    assert find_contract({"feature_columns"}) is None


def test_hyperparameters_as_plain_values_or_as_a_tuner_writes_them() -> None:
    tuned = {"space": [{"name": "units"}], "values": {"units": 3}}
    assert merge_params({"units": 1, "rate": 2}, tuned) == {"units": 3, "rate": 2}
    assert merge_params({"units": 1}, {"units": 3}) == {"units": 3}
    assert merge_params({"units": 1}, None) == {"units": 1}


def test_without_steps_there_is_one_pass(train: Any) -> None:
    result = train(steps=0, custom_config={"batch_size": 250})
    assert result.global_step() == 3  # 600 examples


def test_the_steps_are_shown(train: Any, capfd: pytest.CaptureFixture[str]) -> None:
    train(steps=7)
    assert "EstimatorTrainer: 100%" in (shown := capfd.readouterr().err)
    assert "7/7" in shown
    assert "examples/s" in shown


def test_a_module_may_bring_its_own_input_and_receiver(train: Any, module: Any) -> None:
    code = """
def input_fn(files, feature_spec, label_key, batches):
    from tfx_estimators.estimator.input_fn import make_input_fn
    assert label_key == "y" and label_key in feature_spec and batches.batch_size == 32
    return make_input_fn(files, feature_spec, label_key, batches)().take(2)

def serving_input_receiver_fn(transform_output):
    raw = {"x": tf.compat.v1.placeholder(tf.float32, [None, 1]),
           "color": tf.compat.v1.sparse_placeholder(tf.string, [None, None])}
    features = transform_output.transform_raw_features(raw)
    return tf_estimator.export.ServingInputReceiver(features, raw)
"""
    result = train(module(code), steps=50, custom_config={"batch_size": 32})
    assert result.global_step() == 2
    predict = tf.saved_model.load(str(result.serving)).signatures["predict"]
    assert "x" in predict.structured_input_signature[1]
    # For evaluating there is one beside it that takes examples, of the same variables.
    beside = result.model / "Format-Examples"
    served, own = (
        tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        for folder in (result.serving, beside)
    )
    assert served.get_variable_to_shape_map() == own.get_variable_to_shape_map()
    predict = tf.saved_model.load(str(beside)).signatures["predict"]
    assert list(predict.structured_input_signature[1]) == ["examples"]


@pytest.mark.stacks
def test_an_eval_savedmodel_becomes_a_record(tmp_path: pathlib.Path) -> None:
    spec = {"x": tf.io.FixedLenFeature([1], tf.float32), "y": tf.io.FixedLenFeature([1], tf.int64)}
    receiver_fn = legacy_tfma.build_parsing_eval_input_receiver_fn(spec, "y")
    with pytest.warns(UserWarning, match="EvalSavedModel"):
        folder = legacy_tfma.export_eval_savedmodel(None, str(tmp_path), receiver_fn)
    record = json.loads((pathlib.Path(folder.decode()) / "eval_input_receiver.json").read_text())
    assert record == {
        "features": {"x": "float32", "y": "int64"},
        "labels": {"": "int64"},
        "label_key": "y",
    }


def test_receiver_tensors_hold_the_examples_alone() -> None:
    with pytest.raises(ValueError, match="one key 'examples'"):
        legacy_tfma.EvalInputReceiver(features={}, labels=None, receiver_tensors={"x": None})
