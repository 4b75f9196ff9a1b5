"""How commands print lines, tables and JSON."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

import click

from tfx_estimators.json_text import dumps, finite
from tfx_estimators.redaction import redacted, without_secrets
from tfx_estimators.terminal import escaped, shown

__all__ = ["echo", "json_option", "show_json", "show_table", "when"]

_WIDTH, _NARROWEST = 100, 12
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


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
