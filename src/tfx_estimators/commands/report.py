"""`tfx-estimators report | tensorboard`: a run to look at."""

from __future__ import annotations

import importlib.util
import logging
import os
import pathlib
import sys

import click

from tfx_estimators.commands import printing
from tfx_estimators.commands.lineage import find_run_in, open_all
from tfx_estimators.commands.metadata_option import metadata_option
from tfx_estimators.terminal import say

__all__ = ["report", "tensorboard"]


@click.command()
@click.argument("run", required=False, default="latest")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=pathlib.Path, dir_okay=False, writable=True),
    default="report.html",
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--against", metavar="RUN", help="The run to compare with.  [default: the one before]"
)
@metadata_option
def report(run: str, output: pathlib.Path, against: str | None, metadata: str | None) -> None:
    """Write a run's report: one HTML file that needs no network.

    RUN is its id, the beginning of its id, the number of one of its steps, or latest. Without
    --metadata, all runs below runs/ are searched.

    \b
      tfx-estimators report
      tfx-estimators report latest -o taxi.html
    """
    from tfx_estimators.report.document import report_on

    _without_deprecations()
    stores = open_all(metadata)
    store, found = find_run_in(stores, run)
    other = None if against is None else find_run_in(stores, against)
    say(f"reading the run {found.name}")
    made = report_on(store, found, other)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(made.html, encoding="utf-8")
    printing.echo(f"{output} ({len(made.html.encode()) / 1e6:.2f} MB)")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("run", required=False, default="latest")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@metadata_option
def tensorboard(run: str, options: tuple[str, ...], metadata: str | None) -> None:
    """Open TensorBoard on a run's training, also while it trains.

    RUN is as in `tfx-estimators report`. OPTIONS go to TensorBoard.

    \b
      tfx-estimators tensorboard
      tfx-estimators tensorboard latest --port 6007
    """
    from tfx_estimators.errors import MissingDependencyError, NotInMetadataError
    from tfx_estimators.report.subject import look_at
    from tfx_estimators.report.training import summaries_of

    store, found = find_run_in(open_all(metadata), run)
    folder = summaries_of(look_at(store, found))
    if folder is None:
        raise NotInMetadataError(
            f"the run {found.name} has no training whose summaries are there",
            expected="a run with an EstimatorTrainer that has begun",
            fix="tfx-estimators runs lists the runs",
        )
    if importlib.util.find_spec("tensorboard") is None:
        raise MissingDependencyError(
            "TensorBoard is not installed",
            expected="the package tensorboard; TensorFlow 2.21 does not bring it",
            fix="pip install tensorboard",
        )
    say(f"TensorBoard on {folder}")
    program = [sys.executable, "-m", "tensorboard.main", "--logdir", folder, *options]
    os.execv(sys.executable, program)


def _without_deprecations() -> None:
    """TensorFlow warns its users of what this package calls knowingly."""
    context = click.get_current_context()
    if context.parent is None or not context.parent.params.get("verbose"):
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
