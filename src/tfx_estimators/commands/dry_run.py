"""`tfx-estimators run --dry-run`: what a run would do, as a table."""

from __future__ import annotations

import collections
import logging
import pathlib
from typing import Any

import click

from tfx_estimators.commands.printing import echo, show_json, show_table
from tfx_estimators.commands.runner_options import runner_and_options
from tfx_estimators.commands.trainings import Trainings
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.log_file import hide_warnings

__all__ = ["show_plan"]


def show_plan(
    pipeline: str,
    root: pathlib.Path,
    data: pathlib.Path | None,
    settings: tuple[str, ...],
    trainings: Trainings,
    of_runner: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    """Prints what would become of each step; see `tfx-estimators run` for the arguments.

    Raises:
        UnsupportedOptionError: if the runner cannot tell.
        TfxEstimatorsError: as a run would raise it before its first step.
    """
    from tfx_estimators.kubeflow.defining import making_no_folders
    from tfx_estimators.pipelines import catalog
    from tfx_estimators.pipelines.runners import PlanningRunner, runners

    if not click.get_current_context().find_root().params.get("verbose"):
        # What TFX warns of as it prepares steps goes into the log of a run, and here nowhere.
        hide_warnings()
        logging.getLogger().addHandler(logging.NullHandler())
    runner, options = runner_and_options(of_runner)
    if not isinstance(runner, PlanningRunner):
        able = [one.name for one in runners() if isinstance(one, PlanningRunner)]
        raise UnsupportedOptionError(
            f"--dry-run: the runner {runner.name} cannot tell what it would do",
            expected=" or ".join(f"--runner {name}" for name in able),
            fix="add it, or leave --dry-run out",
        )
    module = catalog.load_pipeline_module(pipeline)
    # Ready pipelines write no data of theirs below a pure path.
    ready = pipeline in catalog.names()
    with making_no_folders():
        definition = catalog.build_pipeline(
            module, pathlib.PurePosixPath(root) if ready else root, data, settings
        )
    trainings.asked_of(definition, options)
    steps = runner.plan(definition, root, **options)
    if as_json:
        show_json(steps)
        return
    rows = [[one.step, one.outcome, one.reason] for one in steps]
    show_table(["step", "outcome", "why"], rows, "the pipeline has no steps")
    counts = collections.Counter(one.outcome for one in steps)
    echo(f"\n{', '.join(f'{n} {what}' for what, n in counts.items())}. Nothing was written.")
