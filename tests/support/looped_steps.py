"""Counts the steps of a training that run several in a session call."""

from __future__ import annotations

from typing import Any

import pytest

from tfx_estimators.estimator.step_loops import step_loop

__all__ = ["count_looped_steps"]


def count_looped_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many ran in each call; grows as they run."""
    counts: list[int] = []
    run = step_loop.StepLoop.run

    def counting(self: Any, session: Any, most: int) -> Any:
        steps = run(self, session, most)
        counts.append(steps.done)
        return steps

    monkeypatch.setattr(step_loop.StepLoop, "run", counting)
    return counts
