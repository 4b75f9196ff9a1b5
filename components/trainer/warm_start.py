"""Starting an estimator from a base model's weights."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.errors import TrainingError

__all__ = ["warm_started"]


def warm_started(estimator: Any, base_model: str) -> Any:
    """The estimator, with every trainable variable initialized from a base model.

    One that already has a warm start of its own is returned as it is. Reads the private
    `Estimator._warm_start_settings`, seen in tensorflow-estimator 2.15.

    Args:
        estimator: the Estimator.
        base_model: folder of a SavedModel with the same variables, as this or an earlier
            `EstimatorTrainer` exported it.

    Raises:
        TrainingError: if it lacks a variable, or has it in another shape.
    """
    if getattr(estimator, "_warm_start_settings", None) is not None:
        return estimator
    weights = f"{base_model}/variables/variables"
    try:
        tf.train.load_checkpoint(weights)
    except (tf.errors.OpError, ValueError) as error:
        raise TrainingError(
            f"the base model in {base_model} has no variables that can be read: {error}",
            expected="a SavedModel exported from an estimator",
            fix="pass another base_model, or none",
        ) from error

    def model_fn(features: Any, labels: Any, mode: Any, config: Any) -> Any:
        spec = estimator.model_fn(features, labels, mode, config)
        if mode == tf_estimator.ModeKeys.TRAIN:
            _check_fit(weights, base_model)
        return spec

    return tf_estimator.v1.Estimator(
        model_fn=model_fn, config=estimator.config, warm_start_from=base_model
    )


def _check_fit(weights: str, base_model: str) -> None:
    reader = tf.train.load_checkpoint(weights)
    known = reader.get_variable_to_shape_map()
    misfits = []
    for variable in tf.compat.v1.trainable_variables():
        # A partitioned variable is saved under the name of the whole.
        name, _, _ = variable.name.partition(":")
        shape = variable.shape.as_list()
        if (sliced := getattr(variable, "_save_slice_info", None)) is not None:
            name, shape = sliced.full_name, list(sliced.full_shape)
        if known.get(name) != shape:
            misfits.append(f"{name} {shape} (there: {known.get(name, 'missing')})")
    if misfits:
        raise TrainingError(
            f"the base model in {base_model} does not fit this estimator: {'; '.join(misfits)}",
            expected="the same variables in the same shapes",
            fix="use the base model's transform graph and columns, or set warm_start_from in "
            "estimator_fn with WarmStartSettings for the variables that fit",
        )
