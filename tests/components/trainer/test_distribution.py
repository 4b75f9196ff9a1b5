"""`EstimatorTrainer(distribution=...)`: a step that trains in several processes."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators.errors import EmptySplitError, TrainingError, UnsupportedOptionError
from tfx_estimators.estimator.distribution import (
    Accelerators,
    Mirrored,
    MultiWorker,
    ParameterServer,
)
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import CheckpointRecord, ModelRecord

STEPS = 6
CONFIG = {"seed": 5, "batch_size": 16, "run_config": {"save_checkpoints_steps": 3}}


def records(store: pathlib.Path) -> list[Any]:
    (folder,) = [path for path in store.iterdir() if path.is_dir()]
    found = read_records(str(folder)).values()
    return sorted(found, key=lambda record: record.wall_time)


def weights(model_run: pathlib.Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(model_run)))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def check_published(trained: Any, store: pathlib.Path, *, examples: int) -> None:
    """A model to serve, its checkpoint's record, and no trace of other processes."""
    assert trained.global_step() >= STEPS
    predict = tf.saved_model.load(str(trained.serving)).signatures["predict"]
    assert predict.structured_input_signature
    found = records(store)
    checkpoints = {record.step: record for record in found if isinstance(record, CheckpointRecord)}
    last = checkpoints[max(checkpoints)]
    assert last.step >= STEPS
    assert last.global_examples >= examples
    assert "auc" in last.metrics
    (model,) = [record for record in found if isinstance(record, ModelRecord)]
    assert model.checkpoint_digest == last.digest
    assert not list(trained.model_run.glob("tmp_*"))


@pytest.mark.slow
@pytest.mark.conformance("MultiWorkerMirroredStrategy")
def test_multi_worker(train: Callable[..., Any], tmp_path: pathlib.Path) -> None:
    trained = train(steps=STEPS, custom_config=CONFIG, distribution=MultiWorker(2))
    check_published(trained, tmp_path / "checkpoints", examples=STEPS * 2 * 16)
    logs = {path.name for path in (trained.model_run / "logs").iterdir()}
    assert logs == {"worker-0.log", "worker-1.log", "trainer-0.log"}
