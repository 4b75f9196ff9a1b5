"""`train_and_evaluate`, shown while it runs, with errors that say what to do."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection
from typing import Any

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.progress import Progress, show_progress
from tfx_estimators.components.trainer.checkpoints.evaluations import (
    EvaluationNotes,
    read_evaluations,
)
from tfx_estimators.components.trainer.checkpoints.example_counter import ExampleCounter
from tfx_estimators.components.trainer.checkpoints.training import Training
from tfx_estimators.components.trainer.session.export import evaluate_and_export
from tfx_estimators.components.trainer.session.following import follow
from tfx_estimators.components.trainer.session.hooks import Observers, alone, finish, member
from tfx_estimators.components.trainer.session.interruption import listening
from tfx_estimators.components.trainer.session.progress_hook import ProgressHook
from tfx_estimators.components.trainer.session.role import ALONE, Part, Role, StatusFile
from tfx_estimators.errors import (
    EstimatorTypeError,
    NanLossError,
    TrainingError,
)
from tfx_estimators.estimator.distribution import Policy

__all__ = ["check_estimator", "train_and_evaluate"]

_AT_ITS_END = "at its end, which was saved"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_estimator(estimator: object, *, function: str, expected: str) -> None:
    """Checks what a user's function returned.

    Raises:
        EstimatorTypeError: if it is not an Estimator.
    """
    if not isinstance(estimator, tf_estimator.v1.Estimator):
        raise EstimatorTypeError(
            f"{function} returned {type(estimator).__module__}.{type(estimator).__qualname__}",
            expected=expected,
            fix="return e.g. tf_estimator.DNNClassifier(...); wrap a Keras model with "
            "tf_estimator's or tf.keras.estimator's model_to_estimator",
        )


def train_and_evaluate(
    estimator: Any,
    train_spec: Any,
    eval_spec: Any,
    training: Training,
    batch_size: int | None = None,
    role: Role = ALONE,
    policy: Policy | None = None,
) -> None:
    """Runs the Estimator's own `train_and_evaluate` under a progress display.

    Every checkpoint is recorded as it is written. A training that had ended is not begun
    again: its last checkpoint is evaluated and exported once more.

    Args:
        estimator: the Estimator.
        train_spec: its TrainSpec; `max_steps` is the display's total.
        eval_spec: its EvalSpec.
        training: where checkpoints are recorded.
        batch_size: examples a step, where known.
        role: what this process does of it.
        policy: devices and processes, where something was asked for.

    Raises:
        NanLossError: naming the step at which the loss became NaN.
        TrainingError: if training ended without a checkpoint, or one cannot be written.
        TrainingInterruptedError: if the process was asked to end; it has saved a
            checkpoint.
    """
    eval_spec = eval_spec._replace(
        exporters=(*(eval_spec.exporters or ()), EvaluationNotes(training.folder))
    )
    with contextlib.ExitStack() as stack:
        interruption = stack.enter_context(listening())
        progress: Progress | StatusFile = (
            stack.enter_context(show_progress("EstimatorTrainer", "steps", train_spec.max_steps))
            if role.status is None
            else StatusFile(role.status)
        )
        counter = _counter(estimator, training, batch_size, policy)
        progress_hook = ProgressHook(progress, counter)
        observers = Observers(estimator, training, progress_hook, counter, interruption, stack)
        eval_spec = eval_spec._replace(
            hooks=(*eval_spec.hooks, observers.interruptible(saves=False))
        )
        try:
            _do(role, observers, policy, train_spec, eval_spec)
        except tf.compat.v1.train.NanLossDuringTrainingError as error:
            # Our hook comes before the one that raised, and has counted this step.
            raise NanLossError(
                f"the loss became NaN at step {progress_hook.step}",
                expected="a finite loss",
                fix="lower the learning rate, scale the numeric columns, and look for NaN and "
                "infinite values in the data with ExampleValidator",
            ) from error
        except (tf.errors.OpError, OSError) as error:
            _raise_if_full(estimator.model_dir, error)
            raise
    if role.leads and estimator.latest_checkpoint() is None:
        raise TrainingError(
            f"training left no checkpoint in {estimator.model_dir}",
            expected="at least one step",
            fix="set num_steps in train_args to at least 1; check that the input_fn yields data",
        )


def _do(
    role: Role, observers: Observers, policy: Policy | None, train_spec: Any, eval_spec: Any
) -> None:
    """Does the part of the training that is the process's."""
    estimator, interruption = observers.estimator, observers.interruption
    match role.part:
        case Part.WHOLE | Part.TRIAL:
            train_spec = alone(observers).added_to(train_spec)
            tf_estimator.train_and_evaluate(estimator, train_spec, eval_spec)
            interruption.check(_AT_ITS_END)
            if observers.progress.steps == 0:  # An earlier run has trained all of it.
                _evaluate_newest(estimator, eval_spec)
        case Part.MEMBER:
            train_spec = member(observers, policy, leads=role.leads).added_to(train_spec)
            run = follow if role.evaluates else tf_estimator.train_and_evaluate
            run(estimator, train_spec, eval_spec)
            interruption.check(_AT_ITS_END)
        case Part.FINISH:
            finish(observers)
            interruption.check(_AT_ITS_END)
            # An evaluator among the members has also run the exporters.
            evaluated = read_evaluations(observers.training.folder)
            _evaluate_newest(estimator, eval_spec, but=evaluated)


def _counter(
    estimator: Any, training: Training, batch_size: int | None, policy: Policy | None
) -> ExampleCounter:
    # With an evaluator goes a chief whose workers train at their own pace.
    at_own_pace = policy is not None and policy.has_evaluator
    strategy = estimator.config.train_distribute
    replicas = 1 if strategy is None or at_own_pace else strategy.num_replicas_in_sync
    return ExampleCounter(training.start, batch_size, replicas, shared=at_own_pace)


def _evaluate_newest(estimator: Any, eval_spec: Any, but: Collection[int] = ()) -> None:
    """Evaluates and exports the newest checkpoint, unless its step is among `but`."""
    newest = estimator.latest_checkpoint()
    if newest is not None and int(newest.rpartition("-")[2]) not in but:
        evaluate_and_export(estimator, eval_spec)


def _raise_if_full(folder: str, error: Exception) -> None:
    # As the system's libraries say it, which TensorFlow quotes.
    if any(os.strerror(number) in str(error) for number in _FULL):
        raise TrainingError(
            f"there is no room to write a checkpoint in {folder}: {error}",
            expected="space for the checkpoints that are kept and one more",
            fix=f"make room and run again: it resumes from the last complete one. df -h {folder}",
        ) from error
