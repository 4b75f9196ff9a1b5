"""A training's session that runs steps together in which no hook has anything to do.

Private name, seen on 2.16 to 2.21: `monitored_session._MonitoredSession._hooks`.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfx_estimators.estimator.step_loops.repeatable import NotRepeatableError
from tfx_estimators.estimator.step_loops.skippable_hooks import (
    MOST_STEPS,
    SkippableHook,
    skippable,
    steps_left,
)
from tfx_estimators.estimator.step_loops.step_loop import LoopedSteps, StepLoop

__all__ = ["LoopingSession", "looping"]

_log = logging.getLogger(__name__)

_STEPS_BEFORE = 100
"""So many run one by one first, which shows how long one takes."""

_FEWEST_LEFT = 2000
"""Making a loop takes longer than it saves in a thousand steps: a short training does without."""

_FEWEST_STEPS = 2
"""Fewer are no gain."""

_SECONDS = 0.05
"""How long the steps of one call take together. A signal is heard after it."""


def looping(make: Callable[..., Any]) -> Callable[..., Any]:
    """`MonitoredTrainingSession` for trainings that fetch [train_op, loss] in every run.

    Args:
        make: TensorFlow's.
    """

    @functools.wraps(make)
    def monitored_training_session(**given: Any) -> Any:
        session = make(**given)
        alone = not given.get("master") and given.get("is_chief", True)
        if not alone or tf.distribute.has_strategy() or not _allows_loops(given.get("config")):
            return session
        hooks = skippable(session._hooks)
        return session if hooks is None else LoopingSession(session, hooks)

    return monitored_training_session


def _allows_loops(config: Any) -> bool:
    """Whether what a session is told holds for the steps of a loop too.

    A time limit is meant for one step. A loop would not keep to another executor, nor are its
    steps sure to be optimized like the graph in other ways than TensorFlow's own.
    """
    if config is None:
        return True
    options, usual = tf.compat.v1.GraphOptions(), tf.compat.v1.GraphOptions()
    options.CopyFrom(config.graph_options)
    # Estimators set it.
    options.rewrite_options.ClearField("meta_optimizer_iterations")
    for either in (options, usual):
        either.rewrite_options.SetInParent()
    return options == usual and not (
        config.operation_timeout_in_ms or config.experimental.executor_type
    )


class LoopingSession:
    """Stands for a monitored session where an Estimator trains.

    Args:
        session: the monitored session.
        hooks: what stands for its hooks.
    """

    def __init__(self, session: Any, hooks: Sequence[SkippableHook]) -> None:
        self._session = session
        self._hooks = hooks
        self._skipping: _Skipping | None = None
        self._skips = True
        self._calls = 0
        self._seconds = 0.0

    def __enter__(self) -> LoopingSession:
        self._session.__enter__()
        return self

    def __exit__(self, *exception: Any) -> Any:
        return self._session.__exit__(*exception)

    def should_stop(self) -> bool:
        """As the session says."""
        return bool(self._session.should_stop())

    def run(self, fetches: Sequence[Any]) -> tuple[Any, Any]:
        """Runs one step with all hooks, and before it those in which they have nothing to do.

        Args:
            fetches: the operation that trains, and the loss.

        Returns:
            what the last step gave.
        """
        self._calls += 1
        if not self._skips or self._calls <= _STEPS_BEFORE or self._seconds > _SECONDS / 2:
            return self._run_one(self._session.run, fetches)
        # TensorFlow calls it again when it has made the session anew, but with the old one.
        again = False

        def run(step_context: Any) -> tuple[Any, Any]:
            nonlocal again
            if not again:
                again = True
                last_loss = self._skip(step_context.session, fetches)
                if last_loss is not None:
                    return None, last_loss
            return self._run_one(step_context.run_with_hooks, fetches)

        train_op, loss = self._session.run_step_fn(run)
        return train_op, loss

    def _run_one(self, run: Callable[..., Any], fetches: Sequence[Any]) -> tuple[Any, Any]:
        began = time.perf_counter()
        train_op, loss = run(fetches)
        self._seconds = time.perf_counter() - began
        return train_op, loss

    def _skip(self, session: tf.compat.v1.Session, fetches: Sequence[Any]) -> Any:
        """Runs steps without hooks.

        Returns:
            the last loss if there is no more data, which the next step will say again.
        """
        if self._skipping is None:
            self._skipping = self._start(session, fetches)
        if self._skipping is None:
            self._skips = False
            return None
        began = time.perf_counter()
        steps = self._skipping.run(session, int(_SECONDS / self._seconds))
        if steps is None:
            return None
        if steps.done:
            self._seconds = (time.perf_counter() - began) / steps.done
        if steps.error is None:
            return None
        if steps.done and isinstance(steps.error, tf.errors.OutOfRangeError):
            self._skips = False
            return steps.values[0][-1]
        raise steps.error

    def _start(self, session: tf.compat.v1.Session, fetches: Sequence[Any]) -> _Skipping | None:
        step = int(session.run(tf.compat.v1.train.get_global_step(session.graph)))
        left = steps_left(self._hooks, step)
        if left is not None and left < _FEWEST_LEFT:
            return None
        try:
            return _Skipping(session, self._hooks, *fetches)
        except NotRepeatableError as reason:
            _log.info("every step of the training is a session call of its own: %s", reason)
            return None


class _Skipping:
    """Runs steps of a training without its hooks, and tells them.

    Args:
        session: over the training's graph.
        hooks: what stands for the hooks.
        train_op: what a step runs.
        loss: what it gives.

    Raises:
        NotRepeatableError: if a loop would not run a step as the session does.
    """

    def __init__(
        self,
        session: tf.compat.v1.Session,
        hooks: Sequence[SkippableHook],
        train_op: Any,
        loss: tf.Tensor,
    ) -> None:
        if [device.device_type for device in session.list_devices()] != ["CPU"]:
            raise NotRepeatableError("it was tried with one CPU device only")
        graph = session.graph
        wanted = [hook.each_step() for hook in hooks]
        # By reference, as most hooks that want anything want the loss.
        places = {loss.ref(): 0}
        self._hooks = [
            (
                hook,
                None
                if value is None
                else places.setdefault(graph.as_graph_element(value).ref(), len(places)),
            )
            for hook, value in zip(hooks, wanted, strict=True)
        ]
        self._global_step = tf.compat.v1.train.get_global_step(graph)
        self._loop = StepLoop(graph, train_op, [place.deref() for place in places])

    def run(self, session: tf.compat.v1.Session, most: int) -> LoopedSteps | None:
        """Runs at most as many steps, or none if a hook has something to do.

        Returns:
            the steps, the losses first; None if there were none to run.
        """
        step = int(session.run(self._global_step))
        idle = min(hook.skippable_steps(step) for hook, _ in self._hooks)
        if min(most, idle) < _FEWEST_STEPS:
            return None
        steps = self._loop.run(session, min(most, idle, MOST_STEPS))
        if steps.done:
            for hook, place in self._hooks:
                values = None if place is None else steps.values[place]
                hook.after_skipped_steps(values, steps.done)
        return steps
