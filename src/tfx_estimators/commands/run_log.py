"""The log of a run: what TFX, TensorFlow and Beam say, and the whole trace of an error."""

from __future__ import annotations

import contextlib
import errno
import logging
import logging.handlers
import os
import pathlib
import sys
import threading
from collections.abc import Iterator

import click

from tfx_estimators.log_file import FORMAT, LogFile, ReadableFormatter, hide_warnings
from tfx_estimators.terminal import shown

__all__ = ["RunLog", "run_log", "shown_error"]

_log = logging.getLogger(__name__)
_PATH = "tfx_estimators.run_log"


class RunLog:
    """Holds log lines back until the run begins: what cannot be run leaves no folder.

    Args:
        file: where the lines go.
        echo: whether they are shown, too.

    Raises:
        click.ClickException: if the file cannot be written.
    """

    def __init__(self, file: pathlib.Path, *, echo: bool) -> None:
        self.file = file
        self.is_open = False
        there = next(folder for folder in file.parents if folder.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            raise _not_writable(file, errno.ENOTDIR if not there.is_dir() else errno.EACCES)
        # At this level nothing is let go before there is a file.
        self._held = logging.handlers.MemoryHandler(0, logging.CRITICAL + 1, flushOnClose=False)
        handlers: list[logging.Handler] = [self._held]
        if echo:
            handlers.append(logging.StreamHandler(sys.stderr))
            handlers[-1].setFormatter(ReadableFormatter(FORMAT))
        hide_warnings()
        logging.basicConfig(handlers=handlers, level=logging.INFO)

    def open(self) -> None:
        """Writes what was held back, and from now on every line.

        Raises:
            click.ClickException: if the file cannot be written.
        """
        if self.is_open:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            handler = LogFile(self.file)
        except OSError as error:
            raise _not_writable(self.file, error.errno) from error
        root = logging.getLogger()
        if self._held in root.handlers:
            root.addHandler(handler)
            root.removeHandler(self._held)
            self._held.setTarget(handler)
            self._held.flush()
        self.is_open = True

    def write(self, text: str) -> None:
        """Writes a line, or several, if there is a file."""
        if self.is_open:
            with self.file.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{shown(text.rstrip())}\n")


def _not_writable(file: pathlib.Path, number: int | None) -> click.ClickException:
    return click.ClickException(
        f"cannot write to {file.parent}: {os.strerror(number or errno.EIO)}\n"
        "  fix: pass --root with a folder you can write to"
    )


@contextlib.contextmanager
def run_log(ctx: click.Context, file: pathlib.Path) -> Iterator[RunLog]:
    """A log for the length of a run, which takes the trace of whatever ends it.

    Args:
        ctx: of the command, for `shown_error` to find the log by.
        file: where its lines go; a folder that is there already is used in any case.
    """
    log = RunLog(file, echo=bool(ctx.parent and ctx.parent.params["verbose"]))
    before, threading.excepthook = threading.excepthook, _of_a_thread
    try:
        yield log
    except Exception as error:
        from tfx_estimators.components.user_code import full_trace

        if file.parent.is_dir() and not isinstance(error, click.ClickException):
            with contextlib.suppress(OSError, click.ClickException):
                # What went wrong comes first, also where the log cannot be written.
                log.open()
                log.write(full_trace(error))
                ctx.meta[_PATH] = file
        raise
    finally:
        threading.excepthook = before


def _of_a_thread(ended: threading.ExceptHookArgs) -> None:
    """Logs what a thread of Beam's or TensorFlow's ends with: the step itself says what failed."""
    if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
        name = ended.thread.name if ended.thread else "a thread"
        _log.error("%s ended with an error", name, exc_info=ended.exc_value)


def shown_error(error: Exception, ctx: click.Context) -> str:
    """An error as the user sees it: message, line of the user's files, where the trace is."""
    from tfx_estimators.components.user_code import describe, find_place, text_of
    from tfx_estimators.errors import TfxEstimatorsError

    text = text_of(error) if isinstance(error, TfxEstimatorsError) else describe(error)
    place = find_place(error)
    if place is not None and str(place) not in text:
        text += f"\n  at: {place}"
    file = ctx.meta.get(_PATH)
    if file is None:
        return f"{text}\n  (tfx-estimators --verbose shows where it came from)"
    path = os.path.relpath(file) if file.is_relative_to(pathlib.Path.cwd()) else file
    return f"{text}\n  (the whole trace: {path})"
