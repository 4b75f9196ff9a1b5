"""`tfx-estimators report`: a run as one page of HTML."""

from __future__ import annotations

import pathlib

import click

from tfx_estimators.commands import printing
from tfx_estimators.commands.lineage import find_run_in, open_all
from tfx_estimators.commands.metadata_option import metadata_option

__all__ = ["report"]


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

    stores = open_all(metadata)
    store, found = find_run_in(stores, run)
    other = None if against is None else find_run_in(stores, against)
    click.echo(f"reading the run {found.name}", err=True)
    made = report_on(store, found, other)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(made.html, encoding="utf-8")
    printing.echo(f"{output} ({len(made.html.encode()) / 1e6:.2f} MB)")
