"""`tfx-estimators status`: what runs, and how far it is."""

from __future__ import annotations

import time

import click

from tfx_estimators.commands import printing
from tfx_estimators.commands.lineage import find_run_in, open_all
from tfx_estimators.commands.metadata_option import metadata_option
from tfx_estimators.commands.printing import json_option
from tfx_estimators.terminal import escaped

__all__ = ["status"]


@click.command()
@click.argument("run", required=False, default="latest")
@metadata_option
@json_option
def status(run: str, metadata: str | None, as_json: bool) -> None:
    """Show how far a run is, from another terminal.

    RUN is its id, the beginning of its id, the number of one of its steps, or latest. Without
    --metadata, all runs below runs/ are searched. A training shows its last checkpoint.
    """
    from tfx_estimators.report.standing import standings
    from tfx_estimators.report.subject import look_at

    store, found = find_run_in(open_all(metadata), run)
    steps = standings(look_at(store, found))
    if as_json:
        printing.show_json(steps)
        return
    states = {one.state for one in steps}
    state = "interrupted" if "interrupted" in states else found.state
    printing.echo(f"{escaped(f'{found.name}  ({found.pipeline}, {state})')}\n")
    rows = []
    for one in steps:
        far = ""
        if one.reached is not None and one.written is not None:
            of = f" of {one.wanted}" if one.wanted else ""
            ago = max(0.0, time.time() - one.written)
            far = f"checkpoint of step {one.reached}{of}, {_length(ago)} ago"
        rows.append([one.step, one.state, f"{one.seconds:.1f}", far])
    printing.show_table(["step", "state", "seconds", ""], rows, "no step has begun")


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
