"""Every refusal names its cause, and leaves no model behind."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators.components import EstimatorTrainer
from tfx_estimators.errors import (
    CorruptRecordError,
    EmptySplitError,
    EstimatorTypeError,
    LabelError,
    ModuleContractError,
    NanLossError,
    PipelineError,
    TrainingError,
    UnsupportedOptionError,
)

MODULES = pathlib.Path(__file__).parent / "modules"


@pytest.fixture
def transformed(columns_runs: Any, make_examples: Any, tmp_path: pathlib.Path) -> Any:
    """`transformed(change)`: the transformed examples, each record changed."""
    (source,) = (
        columns_runs("first").model.parent.parent.parent
        / "FeatureColumnTransform/transformed_examples"
    ).iterdir()

    def make(change: Callable[[bytes], bytes]) -> Artifact:
        splits = {}
        for split in ("train", "eval"):
            files = [str(file) for file in (source / f"Split-{split}").iterdir()]
            records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
            splits[split] = [change(record) for record in records]
        return make_examples(tmp_path / "changed", splits)

    return make


def test_good_input_publishes(train: Any) -> None:
    train()
    assert train.published


def test_no_contract_names_all_three(channel: Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "model.py").write_text("def feature_columns(): ...\n")
    with pytest.raises(ModuleContractError) as raised:
        EstimatorTrainer(
            examples=channel(standard_artifacts.Examples), module_file=str(tmp_path / "model.py")
        )
    for name in ("run_fn()", "trainer_fn()", "feature_columns() and estimator_fn()"):
        assert name in str(raised.value)


@pytest.mark.parametrize(
    ("file", "missing"),
    [("columns_module.py", "transform_graph, feature_columns"), ("era_module.py", "schema")],
)
def test_a_contract_names_the_channels_it_needs(channel: Any, file: str, missing: str) -> None:
    with pytest.raises(PipelineError, match=f"{missing} not given"):
        EstimatorTrainer(
            examples=channel(standard_artifacts.Examples), module_file=str(MODULES / file)
        )


@pytest.mark.parametrize(
    "custom_config",
    [
        {"batch_size": 0},
        {"seed": "five"},
        {"run_config": {"model_dir": "elsewhere"}},
        {"unrecordable": object()},
    ],
)
def test_custom_config_is_checked_at_construction(
    channel: Any, custom_config: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedOptionError, match="custom_config"):
        EstimatorTrainer(
            examples=channel(standard_artifacts.Examples),
            module_file=str(MODULES / "run_module.py"),
            custom_config=custom_config,
        )


def test_estimator_fn_returns_something_else(train: Any, module: Any) -> None:
    code = "def estimator_fn(columns, config, params):\n    return {'estimator': None}\n"
    with pytest.raises(EstimatorTypeError, match=r"estimator_fn returned builtins\.dict"):
        train(module(code))
    assert not train.published


def test_an_estimator_that_trains_elsewhere(train: Any, module: Any, tmp_path: Any) -> None:
    code = f"""
def estimator_fn(columns, config, params):
    return tf_estimator.LinearClassifier(columns["linear"], model_dir={str(tmp_path)!r})
"""
    with pytest.raises(EstimatorTypeError, match="config=config"):
        train(module(code))


def test_run_config_with_an_unknown_argument(train: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match="save_every"):
        train(custom_config={"run_config": {"save_every": 1}})


def test_a_contract_found_only_by_running_the_module(
    execute: Any, channel: Any, points: Artifact, tmp_path: pathlib.Path, importable_modules: None
) -> None:
    (tmp_path / "starred.py").write_text("from columns_module import *\n")
    component = EstimatorTrainer(
        examples=channel(standard_artifacts.Examples), module_file=str(tmp_path / "starred.py")
    )
    with pytest.raises(PipelineError, match="transform_graph, feature_columns not given"):
        execute(component, {"examples": points})


def test_nan_loss_names_the_step(train: Any, module: Any) -> None:
    code = """
def model_fn(features, labels, mode):
    step = tf.compat.v1.train.get_global_step()
    weight = tf.compat.v1.get_variable("weight", [], initializer=tf.constant_initializer(1.0))
    loss = weight * tf.where(step >= 3, float("nan"), 1.0)
    with tf.control_dependencies([loss]):
        train_op = tf.compat.v1.assign_add(step, 1)
    return tf_estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

def estimator_fn(columns, config, params):
    return tf_estimator.Estimator(model_fn, config=config)
"""
    with pytest.raises(NanLossError, match="step 4"):
        train(module(code))
    assert not train.published


def test_a_label_out_of_range(train: Any, transformed: Any) -> None:
    def relabel(record: bytes) -> bytes:
        example = tf.train.Example.FromString(record)
        example.features.feature["y"].int64_list.value[:] = [7]
        return example.SerializeToString()

    with pytest.raises(LabelError, match="label y is of no use"):
        train(examples=transformed(relabel))
    assert not train.published


def test_no_such_label(train: Any) -> None:
    with pytest.raises(LabelError, match="'z' is not among"):
        train(label_key="z")


def test_an_empty_split(train: Any, make_examples: Any, tmp_path: pathlib.Path) -> None:
    empty = make_examples(tmp_path / "empty", {"train": [], "eval": []})
    with pytest.raises(EmptySplitError, match="'train' has no examples"):
        train(examples=empty)
    assert not train.published


def test_examples_without_the_label(train: Any, transformed: Any) -> None:
    def remove_label(record: bytes) -> bytes:
        example = tf.train.Example.FromString(record)
        del example.features.feature["y"]
        return example.SerializeToString()

    with pytest.raises(LabelError, match="Feature: y"):
        train(examples=transformed(remove_label))
    assert not train.published


def test_records_that_are_no_examples(
    train: Any, make_examples: Any, tmp_path: pathlib.Path
) -> None:
    junk = make_examples(tmp_path / "junk", {"train": [b"\xff\xff"] * 9, "eval": [b"\xff"] * 9})
    with pytest.raises(CorruptRecordError, match=r"record 1 is not a tf\.Example"):
        train(examples=junk)


def test_a_torn_file(train: Any, columns_runs: Any, tmp_path: pathlib.Path) -> None:
    (source,) = (
        columns_runs("first").model.parent.parent.parent
        / "FeatureColumnTransform/transformed_examples"
    ).iterdir()
    torn = standard_artifacts.Examples()
    torn.uri = str(tmp_path / "torn")
    torn.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for split in ("train", "eval"):
        folder = tmp_path / f"torn/Split-{split}"
        folder.mkdir(parents=True)
        for file in (source / f"Split-{split}").iterdir():
            whole = file.read_bytes()
            (folder / file.name).write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(CorruptRecordError, match="cannot be read"):
        train(examples=torn)
    assert not train.published


def test_a_base_model_that_does_not_fit(train: Any, columns_runs: Any, module: Any) -> None:
    base = standard_artifacts.Model()
    base.uri = str(columns_runs("first").model)
    with pytest.raises(TrainingError, match=r"hiddenlayer_0/kernel \[.*, 4\] \(there: \[.*, 8\]\)"):
        train(base_model=base, custom_config={"hidden_units": [4]})


def test_run_fn_that_saves_no_model(
    execute: Any, channel: Any, points: Artifact, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "lazy.py").write_text("def run_fn(fn_args): ...\n")
    component = EstimatorTrainer(
        examples=channel(standard_artifacts.Examples), module_file=str(tmp_path / "lazy.py")
    )
    with pytest.raises(TrainingError, match="without a model"):
        execute(component, {"examples": points})


def test_trainer_fn_that_returns_no_dict(
    execute: Any,
    channel: Any,
    points: Artifact,
    schema_folder: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "vague.py").write_text("def trainer_fn(fn_args, schema):\n    return None\n")
    component = EstimatorTrainer(
        examples=channel(standard_artifacts.Examples),
        schema=channel(standard_artifacts.Schema),
        module_file=str(tmp_path / "vague.py"),
    )
    schema = standard_artifacts.Schema()
    schema.uri = str(schema_folder)
    with pytest.raises(EstimatorTypeError, match="trainer_fn returned NoneType"):
        execute(component, {"examples": points, "schema": schema})


def test_the_graph_of_a_failed_training_is_gone(train: Any, module: Any) -> None:
    before = tf.compat.v1.get_default_graph()
    with pytest.raises(EstimatorTypeError):
        train(module("def estimator_fn(columns, config, params): return 1\n"))
    assert tf.compat.v1.get_default_graph() is before
    assert tf.executing_eagerly()
