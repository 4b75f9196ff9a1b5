"""A training: its folder, what determines it, and where an execution of it begins."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

from tfx_estimators.components.origin import Origin
from tfx_estimators.components.trainer.checkpoints import retention
from tfx_estimators.components.trainer.checkpoints.fingerprint import FORMAT, Work
from tfx_estimators.components.trainer.checkpoints.retention import Retention
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import Count

__all__ = ["FOREIGN", "Start", "Training", "always_held"]

FOREIGN = Origin(pipeline="foreign", run="foreign", node="foreign", execution=None)
"""Of a checkpoint that no training of ours has written."""


def always_held() -> None:
    """Of a lock that ends with its process: it cannot be lost."""


@dataclasses.dataclass(frozen=True)
class Start:
    """Where a training goes on.

    Attributes:
        step: the global step of the checkpoint; 0 for a fresh start.
        examples: trained on up to there; None where that is not known.
        digest: the checkpoint's; None for a fresh start, or where it is not known.
        foreign: the step up to which somebody else has trained, on data of their own.
    """

    step: Count = 0
    examples: Count | None = 0
    digest: str | None = None
    foreign: Count = 0

    @property
    def own_steps(self) -> int:
        """The steps that were trained on this training's data."""
        return self.step - self.foreign


@dataclasses.dataclass(frozen=True)
class Training:
    """A training's folder and what is written into it.

    Attributes:
        folder: the Estimator's model_dir, or what it lies below.
        fingerprint: all that determines the result.
        origin: the execution that trains now.
        retention: which checkpoints are kept; None where the user's module says.
        start: where this execution begins.
        work: what `fingerprint` stands for. Of the process that opened the training alone.
        check: raises a TrainingError once another process has taken the folder over, which
            may happen in a bucket to one that stood still. Of the process that opened the
            training alone.
    """

    folder: str
    fingerprint: str
    origin: Origin
    retention: tuple[Retention, ...] | None = None
    start: Start = Start()
    work: Work | None = dataclasses.field(default=None, compare=False, repr=False)
    check: Callable[[], None] = dataclasses.field(default=always_held, compare=False, repr=False)

    def to_json(self) -> str:
        """As JSON text, for the processes of a distributed training."""
        # `asdict` copies deeply, and a lease has parts that cannot be copied.
        written = dataclasses.replace(self, work=None, check=always_held)
        values = {"format": FORMAT, **dataclasses.asdict(written)}
        del values["work"], values["check"]
        if self.retention is not None:
            values["retention"] = retention.to_json(self.retention)
        return dumps(values)

    @classmethod
    def from_json(cls, text: str) -> Training:
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        policies = values["retention"]
        return cls(
            folder=values["folder"],
            fingerprint=values["fingerprint"],
            origin=Origin(**values["origin"]),
            retention=None if policies is None else retention.from_json(policies),
            start=Start(**values["start"]),
        )
