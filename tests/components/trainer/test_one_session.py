"""Workers in step that lose each other end, instead of making their sessions anew for ever."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.trainer.session.one_session_hook import (
    OneSessionHook,
    in_one_session,
)
from tfx_estimators.errors import TrainingError

pytestmark = pytest.mark.stacks


class Aborted(tf.compat.v1.train.SessionRunHook):  # type: ignore[misc]
    """What collectives come to once a worker was given up."""

    def after_run(self, run_context: Any, run_values: Any) -> None:
        raise tf.errors.AbortedError(None, None, "collective ops were aborted")


def trained(folder: pathlib.Path, *hooks: Any, steps: int) -> int:
    def data() -> Any:
        return tf.data.Dataset.from_tensors(({"x": [[0.1]]}, [[0.5]])).repeat()

    columns = [tf.feature_column.numeric_column("x")]
    estimator = tf_estimator.LinearRegressor(columns, model_dir=str(folder))
    estimator.train(data, hooks=hooks, max_steps=steps)
    return int(estimator.get_variable_value("global_step"))


def test_a_worker_ends_where_its_session_would_be_made_anew(tmp_path: pathlib.Path) -> None:
    with pytest.raises(TrainingError, match="the workers have lost each other"), in_one_session():
        trained(tmp_path, OneSessionHook(0), Aborted(), steps=5)


def test_a_worker_begins_where_the_training_does_or_not_at_all(tmp_path: pathlib.Path) -> None:
    with in_one_session():
        assert trained(tmp_path, OneSessionHook(0), steps=5) == 5
    with in_one_session():
        assert trained(tmp_path, OneSessionHook(5), steps=7) == 7
    with (
        pytest.raises(TrainingError, match="starts at step 7, but the training at step 5"),
        in_one_session(),
    ):
        trained(tmp_path, OneSessionHook(5), steps=9)
