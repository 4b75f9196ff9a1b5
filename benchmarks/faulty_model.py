"""The user's module of `faults.py`: a small wide & deep model that writes down what it does."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.estimator import columns as own_columns

fc = tf.feature_column


def feature_columns() -> dict[str, list[Any]]:
    """A learned vocabulary and a scaled number: both need a pass over the data."""
    color = own_columns.categorical_column_with_learned_vocabulary("color", num_oov_buckets=1)
    x = own_columns.scaled_numeric_column("x", scaling="z_score")
    return {"linear": [color], "dnn": [x, fc.indicator_column(color)]}


def estimator_fn(columns: Any, config: Any, params: Any) -> Any:
    """The classifier, noting its steps and when it is exported."""
    made = tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=columns["linear"],
        dnn_feature_columns=columns["dnn"],
        dnn_hidden_units=params["hidden_units"],
        config=config,
    )

    def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
        if mode == tf_estimator.ModeKeys.PREDICT:
            _note("export")
        spec = made.model_fn(features, labels, mode, config)
        if mode != tf_estimator.ModeKeys.TRAIN:
            return spec
        return spec._replace(training_hooks=[*spec.training_hooks, _Steps()])

    return tf_estimator.Estimator(model_fn, config=config)


class _Steps(tf.compat.v1.train.SessionRunHook):  # type: ignore[misc]
    def after_create_session(self, session: Any, coord: Any) -> None:
        self._step = int(session.run(tf.compat.v1.train.get_global_step()))

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self._step += 1
        _note(f"step {self._step}")


def _note(text: str) -> None:
    with pathlib.Path(os.environ["FAULTS_NOTES"]).open("a") as file:
        file.write(f"{text}\n")
