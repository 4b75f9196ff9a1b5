"""A checkpoint served by what another checkpoint of its training was exported to."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators.components.checkpoint_export import export_checkpoint
from tfx_estimators.errors import SavedModelError, UnsupportedOptionError

pytestmark = pytest.mark.stacks


def predictions(saved_model: pathlib.Path, points: Any) -> np.ndarray:
    files = sorted(str(path) for path in pathlib.Path(points.uri, "Split-eval").iterdir())
    records = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    predict = tf.saved_model.load(str(saved_model)).signatures["predict"]
    return predict(examples=tf.constant(records))["logits"].numpy()


def test_an_export_serves_the_other_checkpoints(
    columns_runs: Any, points: Any, tmp_path: pathlib.Path
) -> None:
    trained = columns_runs("small")  # Exported from step 3.
    for step in (0, 2, 3):
        checkpoint = str(trained.model_run / f"model.ckpt-{step}")
        export_checkpoint(str(trained.serving), checkpoint, str(tmp_path / f"{step}"))
        variables = tf.train.load_checkpoint(str(tmp_path / f"{step}" / "variables/variables"))
        assert variables.get_tensor("global_step") == step
    exported = predictions(trained.serving, points)
    np.testing.assert_array_equal(predictions(tmp_path / "3", points), exported)
    assert not np.array_equal(predictions(tmp_path / "2", points), exported)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "2", "3"]


def test_nothing_is_written_over_and_no_other_training_s_checkpoint_taken(
    columns_runs: Any, tmp_path: pathlib.Path
) -> None:
    trained, other = columns_runs("small"), columns_runs("first")
    checkpoint = str(trained.model_run / "model.ckpt-2")
    with pytest.raises(UnsupportedOptionError, match="already exists"):
        export_checkpoint(str(trained.serving), checkpoint, str(tmp_path))
    with pytest.raises(SavedModelError, match=r"lacks dnn/hiddenlayer_0"):
        export_checkpoint(str(other.serving), checkpoint, str(tmp_path / "new"))
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(UnsupportedOptionError, match="cannot be made"):
        export_checkpoint(str(trained.serving), checkpoint, str(tmp_path / "file" / "below"))
