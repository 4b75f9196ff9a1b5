"""`tfma.export` as modules of its time call it."""

from __future__ import annotations

import json
import pathlib

import pytest
import tensorflow as tf

from tfx_estimators.components.trainer.contracts import legacy_tfma

pytestmark = pytest.mark.stacks


def test_export_eval_savedmodel_says_what_it_does_and_records_the_receiver(
    tmp_path: pathlib.Path,
) -> None:
    receiver = legacy_tfma.build_parsing_eval_input_receiver_fn(
        {"x": tf.io.FixedLenFeature([], tf.float32), "y": tf.io.FixedLenFeature([], tf.int64)}, "y"
    )
    with pytest.warns(UserWarning, match="EstimatorEvaluator evaluates the SavedModel"):
        folder = legacy_tfma.export_eval_savedmodel(None, str(tmp_path), receiver)
    (file,) = pathlib.Path(folder.decode()).iterdir()
    record = json.loads(file.read_text())
    assert set(record["features"]) == {"x", "y"}
    assert record["label_key"] == "y"


def test_a_receiver_of_other_tensors_is_refused() -> None:
    with pytest.raises(ValueError, match="'examples', not records"):
        legacy_tfma.EvalInputReceiver(features={}, labels=None, receiver_tensors={"records": None})
