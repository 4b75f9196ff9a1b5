"""In how many steps a session hook has nothing to do.

A hook of one's own says so itself, with the methods of `SkippableHook`. TensorFlow's are known
here by their exact types, as a subclass may do anything in any step.

Private names, seen on 2.16 to 2.21, of `tf.compat.v1.train`: `SummarySaverHook._next_step`,
`LoggingTensorHook._iter_count`, `StopAtStepHook._last_step`, `NanTensorHook._loss_tensor` and
`._fail_on_nan_loss`, and the `_timer` of those that have one. Seen in tensorflow-estimator 2.15:
`early_stopping._StopOnPredicateHook`, which `stop_if_no_decrease_hook` and others return.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

__all__ = ["MOST_STEPS", "SkippableHook", "skippable", "steps_left"]

MOST_STEPS = 100
"""How many steps a hook can be skipped in at a time."""

_train = tf.compat.v1.train


@runtime_checkable
class SkippableHook(Protocol):
    """A session hook that need not be called in every step."""

    def skippable_steps(self, step: int) -> int:
        """In how many of the next steps the hook has nothing to do.

        Args:
            step: the global step by now.
        """

    def each_step(self) -> tf.Tensor | None:
        """What the hook wants to know of skipped steps: a scalar of the step's graph."""

    def after_skipped_steps(self, values: np.ndarray[Any, Any] | None, count: int) -> None:
        """Takes note of steps that ran without the hook.

        Args:
            values: of `each_step`, in the order of the steps; shape [count].
            count: how many ran, at least one.
        """


def skippable(hooks: Iterable[Any]) -> list[SkippableHook] | None:
    """What stands for each hook; None if one must be called in every step.

    Args:
        hooks: of a session that was made.
    """
    found = [_skippable(hook) for hook in hooks]
    return None if None in found else [hook for hook in found if hook is not None]


def steps_left(hooks: Iterable[SkippableHook], step: int) -> int | None:
    """How many steps come after a global step; None if no hook knows."""
    ends = [hook.last_step for hook in hooks if isinstance(hook, _StopAtStep)]
    return min(ends) - step if ends else None


def _skippable(hook: Any) -> SkippableHook | None:
    if isinstance(hook, SkippableHook):
        return hook
    kind = type(hook)
    adapter = _ADAPTERS.get(kind) or _ADAPTERS.get(f"{kind.__module__}.{kind.__qualname__}")
    if adapter is not None:
        return adapter(hook)
    idle = _train.SessionRunHook
    overridden = any(
        getattr(getattr(hook, name), "__func__", None) is not getattr(idle, name)
        for name in ("before_run", "after_run")
    )
    return None if overridden else _Adapter(hook)


class _Adapter:
    """A hook that does nothing in any step.

    Args:
        hook: TensorFlow's.
    """

    def __init__(self, hook: Any) -> None:
        self.hook = hook

    def skippable_steps(self, step: int) -> int:
        """All of them."""
        return MOST_STEPS

    def each_step(self) -> tf.Tensor | None:
        """Nothing."""
        return None

    def after_skipped_steps(self, values: np.ndarray[Any, Any] | None, count: int) -> None:
        """Nothing to note."""


class _Timed(_Adapter):
    """Acts when its timer says so for the global step."""

    def skippable_steps(self, step: int) -> int:
        """Until the timer does."""
        return _steps_until(self.hook._timer, step)


class _EarlyStopping(_Adapter):
    """Asks its timer of the global step before each step, which it takes for the step."""

    def skippable_steps(self, step: int) -> int:
        """Until the timer says so."""
        return _steps_until(self.hook._timer, step - 1)


class _SummarySaver(_Adapter):
    """Keeps the number of the next step, of which it asks its timer."""

    def skippable_steps(self, step: int) -> int:
        """None before its first."""
        if self.hook._next_step is None:
            return 0
        return _steps_until(self.hook._timer, step)

    def after_skipped_steps(self, values: np.ndarray[Any, Any] | None, count: int) -> None:
        """Counts them."""
        self.hook._next_step += count


class _Logging(_Adapter):
    """Counts steps itself, and asks its timer of these."""

    def skippable_steps(self, step: int) -> int:
        """Until the timer says so."""
        return _steps_until(self.hook._timer, self.hook._iter_count - 1)

    def after_skipped_steps(self, values: np.ndarray[Any, Any] | None, count: int) -> None:
        """Counts them."""
        self.hook._iter_count += count


class _StopAtStep(_Adapter):
    """Acts after the last step."""

    @property
    def last_step(self) -> int:
        """The global step after which the training ends."""
        return int(self.hook._last_step)

    def skippable_steps(self, step: int) -> int:
        """All but the last."""
        return max(0, self.last_step - step - 1)


class _NanTensor(_Adapter):
    """Raises if the loss is NaN, which ends a loop."""

    def skippable_steps(self, step: int) -> int:
        """All if it raises; one that asks for the end of the training has to be called."""
        return MOST_STEPS if self.hook._fail_on_nan_loss else 0

    def each_step(self) -> tf.Tensor | None:
        """The loss."""
        return self.hook._loss_tensor

    def after_skipped_steps(self, values: np.ndarray[Any, Any] | None, count: int) -> None:
        """Has the hook look at the last."""
        assert values is not None
        self.hook.after_run(None, _train.SessionRunValues(values[-1], None, None))


_ADAPTERS: dict[type | str, Callable[[Any], SkippableHook]] = {
    _train.CheckpointSaverHook: _Timed,
    _train.LoggingTensorHook: _Logging,
    _train.NanTensorHook: _NanTensor,
    _train.StepCounterHook: _Timed,
    _train.StopAtStepHook: _StopAtStep,
    _train.SummarySaverHook: _SummarySaver,
    # Whoever has one has imported it.
    "tensorflow_estimator.python.estimator.early_stopping._StopOnPredicateHook": _EarlyStopping,
}


def _steps_until(timer: Any, step: int) -> int:
    """How many steps after this one come before the one that triggers a timer."""
    following = range(step + 1, step + 1 + MOST_STEPS)
    return bisect.bisect_left(following, True, key=timer.should_trigger_for_step)
