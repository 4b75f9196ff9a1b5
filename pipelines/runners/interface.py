"""What a runner has to be.

A package of its own adds one by an entry point in its `pyproject.toml`:

    [project.entry-points."tfx_estimators.runners"]
    nightly = "our_package.nightly:RUNNER"

From then on `tfx-estimators run PIPELINE --runner nightly` uses it, and `run --help` shows
it with its options.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from tfx_estimators.pipelines.planning import PlannedStep

__all__ = ["PlanningRunner", "Runner", "RunnerOption"]


@dataclasses.dataclass(frozen=True)
class RunnerOption:
    """An option of `tfx-estimators run` that a runner takes.

    Attributes:
        name: without the dashes, e.g. "image". Words are joined by "_". "from" and "to" are
            ids of steps, whatever the runner: `tfx-estimators run` checks them.
        help: a sentence for `run --help`.
        metavar: what stands for the value there; None for an option without a value.
    """

    name: str
    help: str
    metavar: str | None = None


@runtime_checkable
class Runner(Protocol):
    """Runs the steps of a pipeline somewhere.

    Attributes:
        name: what `--runner` calls it.
        summary: a phrase for `run --help`.
        options: the options that it takes.
    """

    name: str
    summary: str
    options: tuple[RunnerOption, ...]

    def check(self, **options: Any) -> None:
        """Refuses options that do not go together, before anything is made or run.

        Args:
            options: the options given, by name.

        Raises:
            UnsupportedOptionError: with what would be right.
        """
        ...

    def run(self, definition: Any, root: pathlib.Path, **options: Any) -> None:
        """Runs a pipeline to its end.

        Args:
            definition: a `tfx.orchestration.pipeline.Pipeline`.
            root: the folder for all that the run makes.
            options: the options given, by name.

        Raises:
            TfxEstimatorsError: if a step failed.
        """
        ...


@runtime_checkable
class PlanningRunner(Runner, Protocol):
    """A runner that can say what a run would do: what `--dry-run` needs."""

    def plan(self, definition: Any, root: pathlib.Path, **options: Any) -> list[PlannedStep]:
        """Says what would become of each step. Nothing is run or written.

        Args:
            definition: a `tfx.orchestration.pipeline.Pipeline`.
            root: the folder for all that a run makes; it need not be there.
            options: the options given, by name.

        Raises:
            TfxEstimatorsError: if it cannot be told.
        """
        ...
