"""The guide's multi-worker tutorial as a pipeline, on real digits."""

from __future__ import annotations

import pathlib

import pytest
import tensorflow as tf

from tfx_estimators.errors import DataError
from tfx_estimators.pipelines.digits import data


@pytest.mark.stacks
def test_the_digits_are_written_once(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "a" / "digits.tfrecord"
    data.write_digits(file)
    written = file.stat().st_mtime_ns
    data.write_digits(file)
    assert file.stat().st_mtime_ns == written
    records = list(tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
    assert len(records) == 1797
    first = tf.train.Example.FromString(records[0]).features.feature
    assert len(first["pixels"].float_list.value) == 64
    assert first["digit"].int64_list.value[:] == [0]


@pytest.mark.stacks
def test_a_folder_without_records_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match="holds no TFRecord files"):
        data.find_digits(tmp_path, tmp_path)


@pytest.mark.slow
@pytest.mark.stacks
@pytest.mark.conformance("multi-worker digits")
def test_two_workers_learn_to_tell_digits(tmp_path: pathlib.Path) -> None:
    from tfx_estimators.components.evaluator.report import load_report
    from tfx_estimators.pipelines import catalog, runner
    from tfx_estimators.pipelines.workspace import Workspace

    assert "digits" in catalog.names()
    module = catalog.load_pipeline_module("digits")
    runner.run(module.create_pipeline(tmp_path, train_steps=120))
    workspace = Workspace("digits", tmp_path)
    report = load_report(workspace.made("EstimatorEvaluator").uri("evaluation"))
    assert report.blessed
    assert len(list(workspace.serving.glob("[0-9]*"))) == 1
    assert "accuracy" in module.summary(tmp_path)
    logs = pathlib.Path(workspace.made("EstimatorTrainer").uri("model_run")) / "logs"
    assert {path.name for path in logs.iterdir()} > {"worker-0.log", "worker-1.log"}
