"""A training that begins with the weights of a restored checkpoint."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators import estimator
from tfx_estimators.lineage.checkpoints import RecordedCheckpoint
from tfx_estimators.lineage.digests import checkpoint_digest
from tfx_estimators.lineage.maintenance.restore import restore

pytestmark = pytest.mark.stacks

WEIGHTS = "linear/linear_model/x/weights"


def input_fn() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors(({"x": [[1.0], [2.0]]}, [[3.0], [5.0]])).repeat()


def test_another_training_begins_with_what_was_restored(tmp_path: pathlib.Path) -> None:
    columns = [tf.feature_column.numeric_column("x")]
    first = estimator.LinearRegressor(columns, model_dir=str(tmp_path / "first"))
    first.train(input_fn, steps=5)
    prefix = first.latest_checkpoint()
    checkpoint = RecordedCheckpoint(
        id=1, uri=prefix, digest=checkpoint_digest(prefix), fingerprint="f", step=5,
        global_examples=10, metrics={}, wall_time=0.0, size_bytes=1,
        checkpoint_format="saver", kept=True, execution=None, resumed_from=None,
    )  # fmt: skip
    restored = restore(checkpoint, str(tmp_path / "restored"))
    assert tf.train.latest_checkpoint(str(tmp_path / "restored")) == restored
    # Whole: this one says that it is trained to step 5, and goes on.
    on = estimator.LinearRegressor(columns, model_dir=str(tmp_path / "restored"))
    assert on.get_variable_value("global_step") == 5
    # Or its weights only.
    warm = estimator.LinearRegressor(
        columns, model_dir=str(tmp_path / "warm"), warm_start_from=restored
    )
    warm.train(input_fn, steps=1)
    begun = tf.train.load_checkpoint(str(tmp_path / "warm" / "model.ckpt-0"))
    learned = first.get_variable_value(WEIGHTS)
    assert np.any(learned != 0)
    np.testing.assert_array_equal(begun.get_tensor(WEIGHTS), learned)
    assert begun.get_tensor("global_step") == 0
