"""Which part of a training a process does."""

from __future__ import annotations

import dataclasses
import enum
import json
import pathlib
from typing import Any

from tfx_estimators.json_text import dumps
from tfx_estimators.whole_files import staged

__all__ = ["ALONE", "Part", "Role", "StatusFile"]


class Part(enum.Enum):
    """The parts of a training."""

    WHOLE = "whole"
    """Train, evaluate, export."""
    MEMBER = "member"
    """What TF_CONFIG says: train, serve parameters or evaluate, with others."""
    TRIAL = "trial"
    """Train and evaluate, as a trial of a search does; nothing is exported."""
    FINISH = "finish"
    """After the members: evaluate where none of them did, and export."""


@dataclasses.dataclass(frozen=True)
class Role:
    """What this process does.

    Attributes:
        part: its part.
        evaluates: whether this is the evaluator of a cluster.
        leads: whether what it writes is the step's output.
        status: where to say how far training is; None to show it.
    """

    part: Part
    evaluates: bool = False
    leads: bool = True
    status: pathlib.Path | None = None

    @property
    def exports(self) -> bool:
        """Whether this process exports what was trained.

        Members leave it to the finish; of a trial only the metrics are wanted.
        """
        return self.part in (Part.WHOLE, Part.FINISH)

    @property
    def trains(self) -> bool:
        """Whether this process has a part in the training itself."""
        return self.part is not Part.FINISH


ALONE = Role(Part.WHOLE)


class StatusFile:
    """A `Progress` that another process shows: the newest state, in one small file.

    Args:
        path: the file, replaced as a whole each time.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def reach(self, position: int, **fields: object) -> None:
        """Writes the position and the fields."""
        with staged(self._path) as fresh:
            fresh.write_text(dumps({"step": position, "fields": fields}), encoding="utf-8")

    def read(self) -> dict[str, Any] | None:
        """What was last written, as {"step": ..., "fields": {...}}; None if nothing was."""
        try:
            state: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return state
