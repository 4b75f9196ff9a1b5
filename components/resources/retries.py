"""Trying a step again."""

from __future__ import annotations

import dataclasses

from tfx_estimators.components.resources.checks import refused

__all__ = ["Retries"]


@dataclasses.dataclass(frozen=True)
class Retries:
    """Runs a step again that has failed. A training goes on from its last checkpoint.

    Kubeflow Pipelines waits whole seconds, knows no longest wait, and tries a step again
    whose container failed, not one whose pod vanished with its machine.

    Attributes:
        count: how often.
        seconds: to wait before the first time; rounded up on Kubeflow.
        factor: by which each wait is longer than the one before; a whole number.
        most_seconds: to wait at the most on the local runner.
    """

    count: int
    seconds: float = 10.0
    factor: float = 2
    most_seconds: float = 300.0

    def __post_init__(self) -> None:
        if not isinstance(self.count, int) or self.count < 1:
            raise refused(self, "count", self.count, "an integer of at least 1")
        for name in ("seconds", "factor", "most_seconds"):
            if getattr(self, name) <= 0:
                raise refused(self, name, getattr(self, name), "a number greater than 0")
        if self.factor != int(self.factor):
            raise refused(self, "factor", self.factor, "an integer: Argo accepts nothing else")

    def wait(self, attempt: int) -> float:
        """Seconds before an attempt; the first retry is attempt 1."""
        return min(self.most_seconds, self.seconds * self.factor ** (attempt - 1))
