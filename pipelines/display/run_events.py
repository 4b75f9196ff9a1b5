"""What happens in a run."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

from tfx_estimators.components.progress import Counted

__all__ = [
    "Advanced",
    "Event",
    "Message",
    "Outcome",
    "RunEnded",
    "StepBegan",
    "StepEnded",
    "StepRuns",
]

Outcome = Literal["done", "cached", "skipped", "failed"]
"""How a step ended; a resolver is done, a skipped one lacks inputs or a condition."""


@dataclasses.dataclass(frozen=True)
class StepBegan:
    """A step's turn has come.

    Attributes:
        step: the node's id.
        number: of the step in the run, from 1.
        total: how many steps the run has.
    """

    name: ClassVar[str] = "step_began"
    step: str
    number: int
    total: int


@dataclasses.dataclass(frozen=True)
class StepRuns:
    """A step is not cached: its executor starts. After a retry it starts again.

    Attributes:
        step: the node's id.
        log: the file that all it says goes into, where it is a process of its own.
    """

    name: ClassVar[str] = "step_runs"
    step: str
    log: str | None = None


@dataclasses.dataclass(frozen=True)
class Advanced:
    """A step has come further."""

    name: ClassVar[str] = "progress"
    step: str
    counted: Counted


@dataclasses.dataclass(frozen=True)
class StepEnded:
    """A step has ended.

    Attributes:
        step: the node's id.
        number: of the step in the run, from 1.
        total: how many steps the run has.
        outcome: how.
        seconds: since it began.
    """

    name: ClassVar[str] = "step_ended"
    step: str
    number: int
    total: int
    outcome: Outcome
    seconds: float


@dataclasses.dataclass(frozen=True)
class Message:
    """A message to the user, of one line or several."""

    name: ClassVar[str] = "message"
    text: str


@dataclasses.dataclass(frozen=True)
class RunEnded:
    """The run has ended; the last event.

    Attributes:
        failure: what it failed with; None if it did not.
    """

    name: ClassVar[str] = "run_ended"
    failure: str | None = None


Event = StepBegan | StepRuns | Advanced | StepEnded | Message | RunEnded
