"""`tfx-estimators versions | rollback`: what a model server is given, and going back."""

from __future__ import annotations

import dataclasses
import datetime

import click

from tfx_estimators.commands import printing
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.json_text import dumps, finite

__all__ = ["rollback", "versions"]

_folder = click.argument("folder")


@click.command()
@_folder
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, for scripts.")
def versions(folder: str, as_json: bool) -> None:
    """List the versions in FOLDER, which an EstimatorPusher pushes to, newest first.

    Servers serve the first one. A version is DAMAGED if its files are no longer
    those that were pushed, or its manifest cannot be read (only file sizes are checked;
    rollback reads the files).
    """
    from tfx_estimators.components.pusher.place import place_of
    from tfx_estimators.components.pusher.rollback import list_versions

    found = list_versions(place_of(folder))
    if as_json:
        click.echo(dumps(finite([dataclasses.asdict(one) for one in found]), indent=1))
        return
    click.echo(f"{'version':<12}{'pushed':<22}{'model':<16}")
    for one in found:
        notes = ["served"] if one.served else []
        if one.rolled_back_to is not None:
            notes.append(f"back to {one.rolled_back_to}")
        if one.whole is False:
            notes.append("DAMAGED")
        digest = one.digest[:12] if one.digest else "-"
        line = f"{one.version:<12}{_when(one.wall_time):<22}{digest:<16}{', '.join(notes)}"
        printing.echo(line.rstrip())
    for one in found:
        if one.problem is not None:
            printing.echo(f"version {one.version}: {one.problem.splitlines()[0]}")


@click.command()
@_folder
@click.option(
    "--to",
    type=int,
    metavar="VERSION",
    help="The version to go back to.  [default: the one before the served version]",
)
@click.option(
    "--server", metavar="HOST:PORT", help="A TensorFlow Serving ModelServer to reload, over gRPC."
)
@click.option("--model-name", help="The server's name for the model.  [default: FOLDER's name]")
def rollback(folder: str, to: int | None, server: str | None, model_name: str | None) -> None:
    """Serve an older version of FOLDER again.

    Servers serve the highest number, so the older version is copied to a new, higher
    number; nothing is removed. The new version appears whole or not at all. Run twice, this
    goes back two versions.
    """
    from tfx_estimators.components.pusher.place import place_of
    from tfx_estimators.components.pusher.rollback import roll_back
    from tfx_estimators.components.pusher.server import ModelServer, reload

    if model_name and not server:
        raise UnsupportedOptionError(
            "--model-name without --server", expected="both", fix="--server localhost:8500"
        )
    place = place_of(folder)
    told = ModelServer(server, model_name or place.base.rpartition("/")[2]) if server else None
    done = roll_back(place, to)
    what = "is now" if done.new else "is already"
    printing.echo(f"version {done.version} {what} what servers see (model {done.digest[:12]})")
    if told is not None:
        reload(told, place.base, int(done.version))
        printing.echo(f"{told.address} serves it")


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return at.strftime("%Y-%m-%d %H:%M:%SZ")
