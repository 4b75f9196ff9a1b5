"""Who shows a run: a live display on a terminal, else lines; `--quiet` and `--json`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import IO

import click

from tfx_estimators.components.user_code import describe, text_of
from tfx_estimators.errors import TfxEstimatorsError, UnsupportedOptionError
from tfx_estimators.pipelines.display.audience import Listener
from tfx_estimators.pipelines.display.json_lines import JsonLines
from tfx_estimators.pipelines.display.lines import Lines, Quiet
from tfx_estimators.pipelines.display.run_events import RunEnded

__all__ = ["run_display"]


@contextlib.contextmanager
def run_display(ctx: click.Context, *, quiet: bool, as_json: bool) -> Iterator[Listener]:
    """Shows a run for the length of a block.

    Args:
        ctx: of the command; with --verbose the log is shown, so there are lines.
        quiet: show no progress.
        as_json: write events as JSON on standard output, and let nothing else get there.

    Yields:
        what is to be told of the run.

    Raises:
        UnsupportedOptionError: if both were asked for.
    """
    if quiet and as_json:
        raise UnsupportedOptionError(
            "--quiet and --json were both given",
            expected="one of them; with --json nothing else is on standard output anyway",
            fix="leave one out",
        )
    verbose = bool(ctx.parent and ctx.parent.params["verbose"])
    if as_json:
        with _own_standard_output() as stream:
            yield from _as_json(JsonLines(stream))
    elif quiet:
        yield Quiet()
    elif not verbose and _is_terminal():
        from tfx_estimators.pipelines.display.live import LiveDisplay

        with LiveDisplay() as live:
            yield live
    else:
        yield Lines()


def _as_json(display: JsonLines) -> Iterator[Listener]:
    failure: str | None = "interrupted"
    try:
        yield display
        failure = None
    except Exception as error:
        failure = text_of(error) if isinstance(error, TfxEstimatorsError) else describe(error)
        raise
    finally:
        display.hear(RunEnded(failure))


@contextlib.contextmanager
def _own_standard_output() -> Iterator[IO[str]]:
    """Standard output for the block alone: what others write there, programs too, is diverted
    to standard error."""
    before = sys.stdout
    if before is None:
        raise UnsupportedOptionError(
            "--json: standard output is closed",
            expected="a place for the events",
            fix="tfx-estimators run ... --json > events.jsonl",
        )
    before.flush()
    sys.stdout = sys.stderr
    try:
        if before is not sys.__stdout__:
            yield before
            return
        with os.fdopen(os.dup(1), "w", encoding="utf-8") as own:
            os.dup2(2, 1)
            try:
                yield own
            finally:
                own.flush()
                os.dup2(own.fileno(), 1)
    finally:
        sys.stdout = before


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        return False  # It is closed.
