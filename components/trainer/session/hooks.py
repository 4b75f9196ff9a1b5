"""The hooks of a training, by the part that the process does.

A process that trains alone, a member of a cluster, and the process that finishes what
members have trained: a builder each.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

from tfx_estimators.components.trainer.checkpoints.example_counter import ExampleCounter
from tfx_estimators.components.trainer.checkpoints.recorder import Recorder
from tfx_estimators.components.trainer.checkpoints.recording_hook import RecordingHook
from tfx_estimators.components.trainer.checkpoints.recording_listener import RecordingListener
from tfx_estimators.components.trainer.checkpoints.training import Training
from tfx_estimators.components.trainer.session.interruption import Interruption, InterruptionHook
from tfx_estimators.components.trainer.session.one_session_hook import (
    OneSessionHook,
    in_one_session,
)
from tfx_estimators.components.trainer.session.progress_hook import ProgressHook
from tfx_estimators.estimator.distribution import MultiWorker, Policy

__all__ = ["Hooks", "Observers", "alone", "finish", "member"]


@dataclasses.dataclass(frozen=True)
class Hooks:
    """What goes into a TrainSpec beside the module's own.

    Attributes:
        hooks: session hooks, in the order in which TensorFlow calls them.
        listeners: listeners of TensorFlow's own saving.
    """

    hooks: tuple[Any, ...] = ()
    listeners: tuple[Any, ...] = ()

    def added_to(self, train_spec: Any) -> Any:
        """The TrainSpec with these after its own."""
        return train_spec._replace(
            hooks=(*train_spec.hooks, *self.hooks),
            saving_listeners=(*train_spec.saving_listeners, *self.listeners),
        )


@dataclasses.dataclass(frozen=True)
class Observers:
    """What every process of a training has.

    Attributes:
        estimator: the Estimator.
        training: where checkpoints are recorded.
        progress: shows how far the training is.
        counter: counts examples.
        interruption: whether the process was asked to end.
        closing: waits, when the training ends, until all checkpoints are recorded.
    """

    estimator: Any
    training: Training
    progress: ProgressHook
    counter: ExampleCounter
    interruption: Interruption
    closing: contextlib.ExitStack

    def listener(self, *, evaluated_elsewhere: bool = False) -> RecordingListener:
        """Records checkpoints from now on."""
        folder = self.estimator.model_dir
        recorder = Recorder(
            self.training, model_dir=folder, evaluated_elsewhere=evaluated_elsewhere
        )
        listener = RecordingListener(recorder, folder, self.counter)
        self.closing.callback(listener.finish)
        return listener

    def interruptible(self, *, saves: bool) -> InterruptionHook:
        """Ends the session when the process is asked to, with a checkpoint if it `saves`."""
        return InterruptionHook(self.interruption, self.estimator.model_dir if saves else None)


def alone(observers: Observers) -> Hooks:
    """Of a process that trains, evaluates and exports."""
    listener = observers.listener()
    return Hooks(
        (observers.progress, observers.counter, observers.interruptible(saves=True)), (listener,)
    )


def member(observers: Observers, policy: Policy | None, *, leads: bool) -> Hooks:
    """Of a process that trains, serves parameters or evaluates with others.

    Args:
        observers: what every process has.
        policy: devices and processes.
        leads: whether the checkpoints that the process writes are the step's.
    """
    hooks: list[Any] = [observers.progress, observers.counter]
    if isinstance(policy, MultiWorker):
        observers.closing.enter_context(in_one_session())
        hooks.append(OneSessionHook(observers.training.start.step))
    if leads:
        evaluated_elsewhere = policy is not None and policy.has_evaluator
        listener = observers.listener(evaluated_elsewhere=evaluated_elsewhere)
        # TensorFlow calls no saving listeners in a cluster.
        hooks.append(RecordingHook(listener, observers.training.folder, observers.counter))
    hooks.append(observers.interruptible(saves=leads))
    return Hooks(tuple(hooks))


def finish(observers: Observers) -> Hooks:
    """Of the process that evaluates and exports once all members have ended: it trains nothing.

    It records the checkpoints that the members could not record.
    """
    observers.listener()
    return Hooks()
