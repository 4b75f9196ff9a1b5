"""`train_and_evaluate`, shown while it runs, with errors that say what to do."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.examples import read_batches
from tfx_estimators.components.progress import Progress, show_progress
from tfx_estimators.components.trainer.evaluations import EvaluationNotes, read_evaluations
from tfx_estimators.components.trainer.example_counter import ExampleCounter
from tfx_estimators.components.trainer.export import evaluate_and_export
from tfx_estimators.components.trainer.following import follow
from tfx_estimators.components.trainer.interruption import InterruptionHook, listening
from tfx_estimators.components.trainer.one_session_hook import OneSessionHook
from tfx_estimators.components.trainer.progress_hook import ProgressHook
from tfx_estimators.components.trainer.recorder import Recorder, RecordingListener
from tfx_estimators.components.trainer.recording_hook import RecordingHook
from tfx_estimators.components.trainer.role import ALONE, Part, Role, StatusFile
from tfx_estimators.components.trainer.store import Training
from tfx_estimators.errors import (
    CorruptRecordError,
    EstimatorTypeError,
    FeatureDtypeError,
    FeatureNotFoundError,
    LabelError,
    NanLossError,
    TrainingError,
)
from tfx_estimators.estimator.distribution import MultiWorker, Policy

__all__ = ["check_estimator", "explained_data_errors", "train_and_evaluate"]

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
        # With an evaluator goes a chief whose workers train at their own pace.
        at_own_pace = policy is not None and policy.has_evaluator
        counter = _counter(estimator, training, batch_size, at_own_pace=at_own_pace)
        hook = ProgressHook(progress, counter)
        hooks = [hook, counter]
        if role.part is Part.MEMBER and isinstance(policy, MultiWorker):
            hooks.append(OneSessionHook(training.start.step))
        if role.leads:
            recorder = Recorder(
                training,
                model_dir=estimator.model_dir,
                evaluated_elsewhere=at_own_pace and role.part is Part.MEMBER,
            )
            listener = RecordingListener(recorder, estimator.model_dir, counter)
            stack.callback(listener.finish)
            if role.part is Part.MEMBER:
                hooks.append(RecordingHook(listener, training.folder, counter))
            else:
                listeners = (*train_spec.saving_listeners, listener)
                train_spec = train_spec._replace(saving_listeners=listeners)
        hooks.append(InterruptionHook(interruption, estimator.model_dir if role.leads else None))
        train_spec = train_spec._replace(hooks=(*train_spec.hooks, *hooks))
        stop = InterruptionHook(interruption, None)
        eval_spec = eval_spec._replace(hooks=(*eval_spec.hooks, stop))
        try:
            if role.evaluates:
                follow(estimator, train_spec, eval_spec)
            elif role.part is not Part.FINISH:
                tf_estimator.train_and_evaluate(estimator, train_spec, eval_spec)
            interruption.check("at its end, which was saved")
            if role.part is not Part.MEMBER and hook.steps == 0:
                _evaluate_what_there_is(estimator, eval_spec, training, role)
        except tf.compat.v1.train.NanLossDuringTrainingError as error:
            # Our hook comes before the one that raised, and has counted this step.
            raise NanLossError(
                f"the loss became NaN at step {hook.step}",
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
            fix="give train_args a num_steps over 0 and check that the input function yields data",
        )


def _counter(
    estimator: Any, training: Training, batch_size: int | None, *, at_own_pace: bool
) -> ExampleCounter:
    strategy = estimator.config.train_distribute
    replicas = 1 if strategy is None or at_own_pace else strategy.num_replicas_in_sync
    return ExampleCounter(training.start, batch_size, replicas, shared=at_own_pace)


def _evaluate_what_there_is(estimator: Any, eval_spec: Any, training: Training, role: Role) -> None:
    """Evaluates the last checkpoint of a training that others, or an earlier one, did."""
    newest = estimator.latest_checkpoint()
    if newest is None:
        return
    step = int(newest.rpartition("-")[2])
    if role.part is Part.FINISH and step in read_evaluations(training.folder):
        return  # By an evaluator, which has exported it too.
    evaluate_and_export(estimator, eval_spec)


def _raise_if_full(folder: str, error: Exception) -> None:
    # As the system's libraries say it, which TensorFlow quotes.
    if any(os.strerror(number) in str(error) for number in _FULL):
        raise TrainingError(
            f"there is no room to write a checkpoint in {folder}: {error}",
            expected="room for the checkpoints that are kept and one more",
            fix=f"make room and run again: it goes on from the last whole one. df -h {folder}",
        ) from error


@contextlib.contextmanager
def explained_data_errors(files: Sequence[str], label_key: str | None) -> Iterator[None]:
    """Turns what TensorFlow says about bad records into errors of ours.

    Args:
        files: the files being read, searched for the bad record.
        label_key: the label, to tell a missing label from another missing feature.

    Raises:
        CorruptRecordError: naming file and record where reading fails.
        FeatureDtypeError: if a feature's values have another type than expected.
        FeatureNotFoundError: if an example lacks a feature.
        LabelError: if it lacks the label, or the label is out of the estimator's range.
    """
    try:
        yield
    except tf.errors.DataLossError as error:
        for _ in read_batches(files):
            pass  # raises with the file's name at the bad record
        raise CorruptRecordError(
            f"a record cannot be read: {error.message}",
            expected="complete TFRecord files",
            fix="write the files again by re-running the step that made them",
        ) from error
    except UnicodeDecodeError as error:
        # TensorFlow quotes the bad record in its message, which then is no text.
        _raise_at_bad_example(files, error)
        raise
    except tf.errors.InvalidArgumentError as error:
        if "Could not parse example" in error.message:
            _raise_at_bad_example(files, error)
        _explain(error, label_key)
        raise


def _raise_at_bad_example(files: Sequence[str], cause: Exception) -> None:
    for file in files:
        records = (record for batch in read_batches([file]) for record in batch)
        for number, record in enumerate(records, start=1):
            try:
                tf.train.Example.FromString(record)
            except DecodeError:
                raise CorruptRecordError(
                    f"{file}: record {number} is not a tf.Example",
                    expected="serialized tf.Example protocol buffers",
                    fix="write the file again by re-running the step that made it",
                ) from cause


def _explain(error: Any, label_key: str | None) -> None:
    text = error.message
    if "Data types don't match" in text:
        raise FeatureDtypeError(
            f"a feature has another type than the model expects: {text}",
            expected="the types in the transform graph or the schema",
            fix="run the transform again over these examples",
        ) from error
    if "is required but could not be found" in text:
        missing: type[LabelError] | type[FeatureNotFoundError] = FeatureNotFoundError
        if label_key is not None and f"Feature: {label_key} " in text:
            missing = LabelError
        raise missing(
            f"an example lacks a feature: {text}",
            expected="every example to have every required feature and the label",
            fix="give the feature a default value, or filter such examples out",
        ) from error
    if "Labels must" in text or "labels must" in text or "Label IDs must" in text:
        raise LabelError(
            f"the label {label_key or ''} is of no use to the estimator: {text}",
            expected="class ids from 0 to n_classes - 1, or the estimator's label_vocabulary",
            fix="set n_classes or label_vocabulary in estimator_fn, or make the label in "
            "preprocessing_fn",
        ) from error
