"""TFX's LocalDagRunner."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from tfx_estimators.pipelines.runners.interface import RunnerOption

__all__ = ["RUNNER"]


@dataclasses.dataclass(frozen=True)
class _Local:
    name: str = "local"
    summary: str = "TFX's LocalDagRunner, one step after another in this process"
    options: tuple[RunnerOption, ...] = ()

    def check(self, **options: Any) -> None:
        """It takes no options."""

    def run(self, definition: Any, root: pathlib.Path, **options: Any) -> None:
        """Runs the steps in this process."""
        from tfx_estimators.pipelines.runner import run

        run(definition)


RUNNER = _Local()
