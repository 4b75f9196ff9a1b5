"""Which checkpoints of a training are kept: small policies, of which any may ask for one.

`KeepLast`, `KeepEvery` and `KeepBest` cover the usual needs. Any dataclass with a method
`kept` is a policy as well:

    @dataclasses.dataclass(frozen=True)
    class KeepSteps:
        steps: tuple[int, ...]

        def kept(self, metrics):
            return self.steps

A component stores its policies as JSON: the class by name, the fields by value. The class
must therefore be importable where the step runs, and its fields must be plain values.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.json_text import dumps

__all__ = [
    "DEFAULT",
    "KeepBest",
    "KeepEvery",
    "KeepLast",
    "Retention",
    "from_json",
    "kept",
    "to_json",
]

Metrics = Mapping[int, Mapping[str, float]]
"""What was measured at each step that has a checkpoint; empty where none was evaluated."""


@runtime_checkable
class Retention(Protocol):
    """A policy: a dataclass that names the steps whose checkpoints it wants kept."""

    def kept(self, metrics: Metrics) -> Collection[int]:
        """Steps whose checkpoints are wanted; a step without a checkpoint is ignored.

        Args:
            metrics: by step, of all checkpoints that there are.
        """
        ...


def _check_positive(policy: Any, name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UnsupportedOptionError(
            f"{type(policy).__name__}: {name}={value!r}",
            expected="an integer of at least 1",
            fix=f"correct {name}",
        )


@dataclasses.dataclass(frozen=True)
class KeepLast:
    """Keeps the newest.

    Attributes:
        count: how many. The newest is always kept; with two there is one to go back to.
    """

    count: int = 5

    def __post_init__(self) -> None:
        _check_positive(self, "count", self.count)

    def kept(self, metrics: Metrics) -> Collection[int]:
        """The last steps."""
        return sorted(metrics)[-self.count :]


@dataclasses.dataclass(frozen=True)
class KeepEvery:
    """Keeps the first checkpoint of every so many steps.

    Attributes:
        steps: how many.
    """

    steps: int

    def __post_init__(self) -> None:
        _check_positive(self, "steps", self.steps)

    def kept(self, metrics: Metrics) -> Collection[int]:
        """The first step of each interval."""
        firsts: dict[int, int] = {}
        for step in sorted(metrics):
            firsts.setdefault(step // self.steps, step)
        return firsts.values()


@dataclasses.dataclass(frozen=True)
class KeepBest:
    """Keeps those with the best value of a metric, of those that were evaluated.

    Attributes:
        metric: its name, as `evaluate` gives it, e.g. "auc".
        count: how many.
        largest: whether a larger value is better; False for a loss.
    """

    metric: str
    count: int = 1
    largest: bool = True

    def __post_init__(self) -> None:
        _check_positive(self, "count", self.count)

    def kept(self, metrics: Metrics) -> Collection[int]:
        """The steps with the best values; steps without a finite value do not count."""
        values = {
            step: measured[self.metric]
            for step, measured in metrics.items()
            if math.isfinite(measured.get(self.metric, math.nan))
        }
        sign = -1 if self.largest else 1
        # Of equals the earlier: as with BestExporter, only a better one replaces it.
        return sorted(values, key=lambda step: (sign * values[step], step))[: self.count]


DEFAULT: tuple[Retention, ...] = (KeepLast(5),)
"""As many as an Estimator keeps by itself."""

_KINDS: Mapping[str, type[Any]] = {"last": KeepLast, "every": KeepEvery, "best": KeepBest}


def to_json(policies: Sequence[Retention]) -> str:
    """The policies as JSON text.

    Raises:
        UnsupportedOptionError: if there is none, or if one is no policy or cannot be read
            back where the step runs.
    """
    if not isinstance(policies, Sequence) or not policies:
        raise UnsupportedOptionError(
            f"retention={policies!r}",
            expected="a list of KeepLast, KeepEvery, KeepBest or policies of your own",
            fix="retention=[KeepLast(5), KeepBest('auc')]",
        )
    return dumps([_stored(policy) for policy in policies])


def from_json(text: str) -> tuple[Retention, ...]:
    """Reads what `to_json` wrote.

    Raises:
        UnsupportedOptionError: if the class of a policy cannot be imported here.
    """
    policies = []
    for stored in json.loads(text):
        kind = _kind(stored.pop("keep"))
        fields = {n: tuple(v) if isinstance(v, list) else v for n, v in stored.items()}
        policies.append(kind(**fields))
    return tuple(policies)


def kept(policies: Iterable[Retention], metrics: Metrics) -> frozenset[int]:
    """Steps whose checkpoints are kept: the newest, and those that any policy asks for."""
    wanted = {step for policy in policies for step in policy.kept(metrics)}
    if metrics:
        wanted.add(max(metrics))  # What a training resumes from.
    return frozenset(wanted & metrics.keys())


def _stored(policy: Retention) -> dict[str, Any]:
    kind = type(policy)
    if not dataclasses.is_dataclass(policy) or not isinstance(policy, Retention):
        raise UnsupportedOptionError(
            f"retention: {policy!r} is not a policy",
            expected="KeepLast, KeepEvery, KeepBest, or a dataclass with a method kept(metrics)",
            fix="retention=[KeepLast(5), KeepBest('auc')]",
        )
    names = {known: name for name, known in _KINDS.items()}
    name = names.get(kind, f"{kind.__module__}:{kind.__qualname__}")
    try:
        stored = {"keep": name, **dataclasses.asdict(policy)}
        (back,) = from_json(dumps([stored]))
    except (TypeError, ValueError) as error:
        raise _not_stored(policy, str(error)) from error
    if back != policy:
        raise _not_stored(policy, f"it comes back as {back!r}")
    return stored


def _not_stored(policy: Retention, why: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"retention: {policy!r} cannot be stored: {why}",
        expected="a dataclass at the top level of an importable module, whose fields are "
        "numbers, strings, booleans or tuples of them",
        fix="move the class into a module of your own package, installed where the step runs",
    )


def _kind(name: str) -> type[Any]:
    if name in _KINDS:
        return _KINDS[name]
    module, _, attribute = name.partition(":")
    try:
        found: type[Any] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnsupportedOptionError(
            f"retention: the policy {name} cannot be imported: {error}",
            expected="a module that is installed where the step runs",
            fix=f"python -c 'import {module}'",
        ) from error
    return found
