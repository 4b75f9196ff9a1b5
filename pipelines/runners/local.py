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
    options: tuple[RunnerOption, ...] = (
        RunnerOption(
            "from",
            "run this step and those below it; the outputs of the steps before are taken from "
            "the newest run that has them all.",
            "STEP",
        ),
        RunnerOption("to", "run only this step and those that it needs.", "STEP"),
    )

    def check(self, **options: Any) -> None:
        """The pipeline says which steps there are, when it runs."""

    def run(self, definition: Any, root: pathlib.Path, **options: Any) -> None:
        """Runs the steps in this process."""
        from tfx_estimators.pipelines.chosen_steps import choose_steps
        from tfx_estimators.pipelines.runner import run

        first, last = options.get("from"), options.get("to")
        run(definition, chosen=choose_steps(definition, first, last) if first or last else None)


RUNNER = _Local()
