"""The evaluator of a cluster: evaluates checkpoints as the others write them."""

from __future__ import annotations

import logging
from typing import Any

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["follow"]

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN_LOOKS = 5
# As Saver.restore and Estimator.export_saved_model say it on TensorFlow 2.15 to 2.21.
_GONE = ("is not a valid checkpoint", "Couldn't find trained model at")


def follow(estimator: Any, train_spec: Any, eval_spec: Any) -> None:
    """Runs the evaluator's part of `train_and_evaluate`, to the last checkpoint.

    A checkpoint that is removed while it is being evaluated is left for the next one.

    Args:
        estimator: the Estimator.
        train_spec: its TrainSpec, with the step at which all end.
        eval_spec: its EvalSpec. It is not waited for as long as it says: a process that
            does nothing else need not spare the others, and the last evaluation is
            waited for.

    Raises:
        UnsupportedOptionError: if training has no last step.
    """
    if not train_spec.max_steps:
        raise UnsupportedOptionError(
            f"a TrainSpec with max_steps={train_spec.max_steps} and an evaluator",
            expected="the step at which all processes stop",
            fix="return TrainSpec(..., max_steps=fn_args.train_steps)",
        )
    prompt = eval_spec._replace(
        start_delay_secs=0, throttle_secs=min(eval_spec.throttle_secs, _SECONDS_BETWEEN_LOOKS)
    )
    while True:
        before = estimator.latest_checkpoint()
        try:
            tf_estimator.train_and_evaluate(estimator, train_spec, prompt)
        except (tf.errors.NotFoundError, ValueError) as error:
            gone = isinstance(error, tf.errors.NotFoundError) or any(
                text in str(error) for text in _GONE
            )
            if not gone or estimator.latest_checkpoint() == before:
                raise
            _log.warning("a checkpoint went while it was being evaluated: %s", error)
        else:
            return
