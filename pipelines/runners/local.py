"""TFX's LocalDagRunner."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Any

from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.pipelines.runners.interface import RunnerOption

if TYPE_CHECKING:
    from tfx_estimators.pipelines.chosen_steps import ChosenSteps
    from tfx_estimators.pipelines.planning import PlannedStep

__all__ = ["RUNNER"]


@dataclasses.dataclass(frozen=True)
class _Local:
    name: str = "local"
    summary: str = "TFX's LocalDagRunner, in this process, one step after another by default"
    options: tuple[RunnerOption, ...] = (
        RunnerOption(
            "from",
            "run this step and those below it; the outputs of the steps before are taken from "
            "the newest run that has them all.",
            "STEP",
        ),
        RunnerOption("to", "run only this step and those that it needs.", "STEP"),
        RunnerOption(
            "parallel",
            "run up to this many steps at the same time if they do not need each other, each in "
            "a process of its own; 1 if not given.",
            "NUMBER",
        ),
    )

    def check(self, **options: Any) -> None:
        """Refuses numbers that are none; the pipeline says which steps there are."""
        _parallel(options)

    def run(self, definition: Any, root: pathlib.Path, **options: Any) -> None:
        """Runs the steps in this process."""
        from tfx_estimators.pipelines.runner import run

        run(definition, chosen=_chosen(definition, options), parallel=_parallel(options))

    def plan(self, definition: Any, root: pathlib.Path, **options: Any) -> list[PlannedStep]:
        """Says which steps are cached, and which would run."""
        from tfx_estimators.pipelines.planning import plan_run

        return plan_run(definition, _chosen(definition, options))


def _chosen(definition: Any, options: dict[str, Any]) -> ChosenSteps | None:
    from tfx_estimators.pipelines.chosen_steps import choose_steps

    first, last = options.get("from"), options.get("to")
    return choose_steps(definition, first, last) if first or last else None


def _parallel(options: dict[str, Any]) -> int:
    given = str(options.get("parallel", 1))
    if not (given.isascii() and given.isdigit() and int(given) > 0):
        raise UnsupportedOptionError(
            f"--parallel {given}",
            expected="how many steps may run at the same time: 1 or more",
            fix="e.g. --parallel 2",
        )
    return int(given)


RUNNER = _Local()
