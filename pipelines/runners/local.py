"""TFX's LocalDagRunner."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Any

from tfx_estimators.pipelines.runners.interface import RunnerOption

if TYPE_CHECKING:
    from tfx_estimators.pipelines.chosen_steps import ChosenSteps
    from tfx_estimators.pipelines.planning import PlannedStep

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
        from tfx_estimators.pipelines.runner import run

        run(definition, chosen=_chosen(definition, options))

    def plan(self, definition: Any, root: pathlib.Path, **options: Any) -> list[PlannedStep]:
        """Says which steps are cached, and which would run."""
        from tfx_estimators.pipelines.planning import plan_run

        return plan_run(definition, _chosen(definition, options))


def _chosen(definition: Any, options: dict[str, Any]) -> ChosenSteps | None:
    from tfx_estimators.pipelines.chosen_steps import choose_steps

    first, last = options.get("from"), options.get("to")
    return choose_steps(definition, first, last) if first or last else None


RUNNER = _Local()
