"""`tfx-estimators status`: what runs, and how far it is."""

from __future__ import annotations

import pathlib
import time

import click

from tfx_estimators.commands import printing
from tfx_estimators.commands.lineage import find_run_in, open_all
from tfx_estimators.commands.metadata_option import metadata_option
from tfx_estimators.commands.printing import json_option
from tfx_estimators.commands.server_options import namespace_option, token_file_option, token_in
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.terminal import escaped

__all__ = ["status"]


@click.command()
@click.argument("run", required=False, default="latest")
@click.option(
    "--endpoint",
    metavar="URL",
    help="Ask this server of Kubeflow Pipelines; RUN is the id that submit printed, or latest.",
)
@namespace_option
@token_file_option
@metadata_option
@json_option
def status(
    run: str,
    endpoint: str | None,
    namespace: str | None,
    token_file: pathlib.Path | None,
    metadata: str | None,
    as_json: bool,
) -> None:
    """Show how far a run is, from another terminal.

    RUN is its id, the beginning of its id, the number of one of its steps, or latest. Without
    --metadata, all runs below runs/ are searched. A training shows its last checkpoint.
    """
    if endpoint is not None:
        _show_remote(run, endpoint, namespace, token_file, as_json=as_json)
        return
    for flag, given in (("--namespace", namespace), ("--token-file", token_file)):
        if given is not None:
            raise UnsupportedOptionError(
                f"{flag}: there is no server to ask",
                expected="--endpoint, the address of Kubeflow Pipelines' API",
                fix=f"add --endpoint, or leave {flag} out",
            )
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


def _show_remote(
    run: str,
    endpoint: str,
    namespace: str | None,
    token_file: pathlib.Path | None,
    *,
    as_json: bool,
) -> None:
    from tfx_estimators.kubeflow.remote_run import look_at_run

    found = look_at_run(run, endpoint, namespace=namespace, token=token_in(token_file))
    if as_json:
        printing.show_json(found.tasks)
        return
    printing.echo(f"{escaped(f'{found.id}  ({found.name}, {found.state})')}\n")
    rows = [
        [one.step, one.state, "" if one.seconds is None else f"{one.seconds:.1f}", one.error]
        for one in found.tasks
    ]
    printing.show_table(["step", "state", "seconds", ""], rows, "no step has begun")


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
