"""Where metadata lies when nothing is said, and how tables and JSON are printed."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
from collections.abc import Sequence
from typing import Any

import click

from tfx_estimators.errors import NotInMetadataError
from tfx_estimators.json_text import dumps, finite
from tfx_estimators.redaction import redacted, without_secrets
from tfx_estimators.terminal import escaped, shown

__all__ = ["echo", "json_option", "metadata_option", "place", "show_json", "show_table", "when"]

metadata_option = click.option(
    "--metadata",
    metavar="PLACE",
    envvar="TFX_ESTIMATORS_METADATA",
    show_envvar=True,
    help="An SQLite file, the folder of a run, a .pbtxt with ml-metadata's connection "
    "settings, grpc://host:port or mysql://user:password@host:port/database.  "
    "[default: the newest below runs/]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def place(metadata: str | None) -> str:
    """The store that is meant.

    Raises:
        NotInMetadataError: if nothing is said and nothing was run here.
    """
    if metadata is not None:
        return metadata
    found = list(pathlib.Path("runs").glob("*/metadata/metadata.sqlite"))
    if not found:
        raise NotInMetadataError(
            f"there is no metadata below {pathlib.Path('runs').absolute()}",
            expected="the folder of a run, as tfx-estimators run leaves it",
            fix="run this where the pipeline was run, or pass --metadata",
        )
    newest = max(found, key=lambda file: file.stat().st_mtime)
    if len(found) > 1:
        click.echo(f"metadata: {newest}", err=True)
    return str(newest)


def echo(text: str) -> None:
    """Prints lines; see `terminal.shown`."""
    click.echo(shown(text))


def show_json(things: Any) -> None:
    """Prints dataclasses, or a list of them, as JSON.

    A metric that is no finite number is null. Secrets in settings are left out.
    """
    many = isinstance(things, (list, tuple))
    plain = [dataclasses.asdict(thing) for thing in (things if many else [things])]
    click.echo(dumps(without_secrets(finite(plain if many else plain[0])), indent=2))


def show_table(headers: Sequence[str], rows: Sequence[Sequence[Any]], nothing: str) -> None:
    """Prints a table, or a line that there is nothing."""
    from tabulate import tabulate

    if not rows:
        click.echo(nothing)
        return
    cells = [[redacted(escaped(str(cell))) for cell in row] for row in rows]
    names = [escaped(str(header)) for header in headers]
    click.echo(tabulate(cells, headers=names, disable_numparse=True))


def when(seconds: float) -> str:
    """A moment as people read it, in local time."""
    try:
        moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc).astimezone()
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g}"  # No moment: milliseconds, perhaps.
    return moment.strftime("%Y-%m-%d %H:%M:%S")
