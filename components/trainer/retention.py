"""Which checkpoints of a training are kept: small policies, of which any may ask for one."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfx_estimators.errors import UnsupportedOptionError

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


def _check_positive(policy: Any, name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UnsupportedOptionError(
            f"{type(policy).__name__}: {name}={value!r}",
            expected="a number from 1 on",
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


@dataclasses.dataclass(frozen=True)
class KeepEvery:
    """Keeps the first checkpoint of every so many steps.

    Attributes:
        steps: how many.
    """

    steps: int

    def __post_init__(self) -> None:
        _check_positive(self, "steps", self.steps)


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


Retention = KeepLast | KeepEvery | KeepBest

DEFAULT: tuple[Retention, ...] = (KeepLast(5),)
"""As many as an Estimator keeps by itself."""

_KINDS: Mapping[str, type[Retention]] = {
    "last": KeepLast,
    "every": KeepEvery,
    "best": KeepBest,
}


def to_json(policies: Sequence[Retention]) -> str:
    """The policies as JSON text.

    Raises:
        UnsupportedOptionError: if one is no policy, or there is none.
    """
    names = {kind: name for name, kind in _KINDS.items()}
    if not policies or any(type(policy) not in names for policy in policies):
        raise UnsupportedOptionError(
            f"retention={policies!r}",
            expected="a list of KeepLast, KeepEvery and KeepBest",
            fix="retention=[KeepLast(5), KeepBest('auc')]",
        )
    return json.dumps([{"keep": names[type(p)], **dataclasses.asdict(p)} for p in policies])


def from_json(text: str) -> tuple[Retention, ...]:
    """Reads what `to_json` wrote."""
    return tuple(_KINDS[fields.pop("keep")](**fields) for fields in json.loads(text))


def kept(
    policies: Iterable[Retention], metrics: Mapping[int, Mapping[str, float]]
) -> frozenset[int]:
    """Steps whose checkpoints are kept.

    Args:
        policies: any of them may ask for a checkpoint.
        metrics: what was measured at each step that there is a checkpoint of; empty where
            none was evaluated.
    """
    steps = sorted(metrics)
    wanted = set(steps[-1:])  # What a training resumes from.
    for policy in policies:
        if isinstance(policy, KeepLast):
            wanted.update(steps[-policy.count :])
        elif isinstance(policy, KeepEvery):
            firsts: dict[int, int] = {}
            for step in steps:
                firsts.setdefault(step // policy.steps, step)
            wanted.update(firsts.values())
        else:
            wanted.update(_best(policy, metrics))
    return frozenset(wanted)


def _best(policy: KeepBest, metrics: Mapping[int, Mapping[str, float]]) -> list[int]:
    values = {
        step: measured[policy.metric]
        for step, measured in metrics.items()
        if math.isfinite(measured.get(policy.metric, math.nan))
    }
    sign = -1 if policy.largest else 1
    # Of equals the earlier: as with BestExporter, only a better one replaces it.
    return sorted(values, key=lambda step: (sign * values[step], step))[: policy.count]
