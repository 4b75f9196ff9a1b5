"""Where metadata lies when nothing is said, and how tables and JSON are printed."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
from collections.abc import Sequence
from typing import Any

import click

from tfx_estimators.errors import MissingFilesError
from tfx_estimators.json_text import dumps, finite
from tfx_estimators.redaction import redacted, without_secrets
from tfx_estimators.terminal import escaped, shown

__all__ = [
    "all_places",
    "echo",
    "json_option",
    "metadata_option",
    "place",
    "show_json",
    "show_table",
    "when",
]

# As ready pipelines have it, and as pipelines of one's own often do.
_BELOW_RUNS = ("*/metadata/metadata.sqlite", "*/metadata.sqlite")
_WIDTH, _NARROWEST = 100, 12
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
    """The store that is meant: the newest below runs/ where nothing is said.

    Raises:
        MissingFilesError: if nothing is said and nothing was run here.
    """
    found = all_places(metadata)
    if len(found) > 1:
        click.echo(f"metadata: {escaped(found[0])}", err=True)
    return found[0]


def all_places(metadata: str | None) -> list[str]:
    """The store that is meant; where nothing is said all below runs/, the newest first.

    Raises:
        MissingFilesError: if nothing is said and nothing was run here.
    """
    if metadata is not None:
        return [metadata]
    runs = pathlib.Path("runs")
    found = [file for pattern in _BELOW_RUNS for file in runs.glob(pattern) if file.is_file()]
    if not found:
        raise MissingFilesError(
            f"there is no metadata below {runs.absolute()}",
            expected="the folder of a run, as tfx-estimators run leaves it",
            fix="run this where the pipeline was run, or pass --metadata",
        )
    return [str(file) for file in sorted(found, key=_changed, reverse=True)]


def _changed(file: pathlib.Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


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
    # Tabulate keeps two blanks beside a heading.
    wide = [[len(name) + 2 for name in names], *([len(cell) for cell in row] for row in cells)]
    widths = [max(column) for column in zip(*wide, strict=True)]
    cut = False
    while sum(widths) + 2 * (len(widths) - 1) > _WIDTH and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
        cut = True
    table = [
        [_cut(cell, width) for cell, width in zip(row, widths, strict=True)]
        for row in (names, *cells)
    ]
    click.echo(tabulate(table[1:], headers=table[0], disable_numparse=True))
    if cut:
        click.echo(f"(cut to {_WIDTH} columns at ...; --json shows all of it)")


def _cut(text: str, width: int) -> str:
    """The text as far as there is room: of a path the end, else the beginning."""
    if len(text) <= width:
        return text
    return f"...{text[3 - width :]}" if "/" in text else f"{text[: width - 3]}..."


def when(seconds: float) -> str:
    """A moment as people read it, in local time."""
    try:
        moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc).astimezone()
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g}"  # No moment: milliseconds, perhaps.
    return moment.strftime("%Y-%m-%d %H:%M:%S")
