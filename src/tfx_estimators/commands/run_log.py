"""The log of a run: what TFX, TensorFlow and Beam say, and the whole trace of an error.

Beside `log.txt`, which has all of it, every step that runs has a log of its own in `logs/`:
of its newest run, with all that was tried in it.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import logging.handlers
import os
import pathlib
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tfx_estimators.log_file import FORMAT, LogFile, ReadableFormatter, hide_warnings
from tfx_estimators.terminal import shown

if TYPE_CHECKING:
    from tfx_estimators.pipelines.display.run_events import Event

__all__ = ["RunLog", "run_log", "shown_error"]

_log = logging.getLogger(__name__)
_PATH, _STEP_PATH = "tfx_estimators.run_log", "tfx_estimators.step_log"
# At this level nothing is let go before there is a file.
_NEVER = logging.CRITICAL + 1


class RunLog:
    """Holds log lines back until the run begins: what cannot be run leaves no folder.

    Args:
        file: where the lines go.
        echo: whether they are shown, too.

    Attributes:
        file: where the lines go.
        is_open: whether there is a file.
        failed: the log of the step that failed last.
        shows_counts: how far steps are is not for a log.

    Raises:
        click.ClickException: if the file cannot be written.
    """

    shows_counts = False

    def __init__(self, file: pathlib.Path, *, echo: bool) -> None:
        self.file = file
        self.is_open = False
        there = next(folder for folder in file.parents if folder.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            raise _not_writable(file, errno.ENOTDIR if not there.is_dir() else errno.EACCES)
        self.failed: pathlib.Path | None = None
        self._steps: dict[str, _StepLog] = {}
        self._held = logging.handlers.MemoryHandler(0, _NEVER, flushOnClose=False)
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
        """Writes a line, or several, if there is a file; also into the failed step's log."""
        files = [*([self.file] if self.is_open else []), *([self.failed] if self.failed else [])]
        for path in files:
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{shown(text.rstrip())}\n")

    def hear(self, event: Event) -> None:
        """Keeps the logs of the steps."""
        from tfx_estimators.pipelines.display.run_events import StepBegan, StepEnded, StepRuns

        if isinstance(event, StepBegan):
            name = urllib.parse.quote(event.step, safe="")
            file = self.file.parent / "logs" / f"{name}.txt"
            self._steps[event.step] = _StepLog(file, event.step)
        elif isinstance(event, StepRuns) and event.step in self._steps:
            if event.log is None:
                self._steps[event.step].open()
            else:
                self._steps.pop(event.step).close()  # It has a log of its own.
        elif isinstance(event, StepEnded) and event.step in self._steps:
            written = self._steps.pop(event.step).close()
            if event.outcome == "failed":
                self.failed = written


class _StepLog:
    """What is logged while a step runs; of a cached one nothing is kept."""

    def __init__(self, file: pathlib.Path, step: str) -> None:
        self._file = file
        self._log: LogFile | None = None
        self._held = logging.handlers.MemoryHandler(0, _NEVER, flushOnClose=False)
        # Where several run, each in its process, their lines say which step they are of.
        self._held.addFilter(lambda record: getattr(record, "step", step) == step)
        logging.getLogger().addHandler(self._held)

    def open(self) -> None:
        """Begins the file anew; where it cannot be written, `log.txt` has to do."""
        if self._log is not None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.unlink(missing_ok=True)
            self._log = LogFile(self._file)
            for is_of_step in self._held.filters:
                self._log.addFilter(is_of_step)
        except OSError as error:
            _log.warning("the step has no log of its own: %s", error)
            return
        root = logging.getLogger()
        root.addHandler(self._log)
        root.removeHandler(self._held)
        self._held.setTarget(self._log)
        self._held.flush()

    def close(self) -> pathlib.Path | None:
        """Ends it; gives the file, if there is one."""
        for handler in (self._held, self._log):
            if handler is not None:
                logging.getLogger().removeHandler(handler)
                handler.close()
        return None if self._log is None else self._file


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
                ctx.meta[_PATH], ctx.meta[_STEP_PATH] = file, log.failed
        raise
    finally:
        threading.excepthook = before


def _of_a_thread(ended: threading.ExceptHookArgs) -> None:
    """Logs what a thread of Beam's or TensorFlow's ends with: the step itself says what failed."""
    if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
        name = ended.thread.name if ended.thread else "a thread"
        _log.error("%s ended with an error", name, exc_info=ended.exc_value)


def shown_error(error: Exception, ctx: click.Context) -> str:
    """An error as the user sees it: cause, line of the user's files, fix, where the rest is."""
    from tfx_estimators.components.user_code import describe, find_place, text_of
    from tfx_estimators.errors import TfxEstimatorsError

    text = text_of(error) if isinstance(error, TfxEstimatorsError) else describe(error)
    place = find_place(error)
    if place is not None and str(place) not in text:
        lines = text.splitlines()
        advice = [n for n, one in enumerate(lines) if one.startswith(("  expected: ", "  fix: "))]
        lines.insert(advice[0] if advice else len(lines), f"  at: {place}")
        text = "\n".join(lines)
    file, step = ctx.meta.get(_PATH), ctx.meta.get(_STEP_PATH)
    if file is None:
        return f"{text}\n  (tfx-estimators --verbose shows where it came from)"
    if step is not None:
        text += f"\n  (what the step logged: {_relative(step)})"
    return f"{text}\n  (the whole trace: {_relative(file)})"


def _relative(file: pathlib.Path) -> str:
    return os.path.relpath(file) if file.is_relative_to(pathlib.Path.cwd()) else str(file)
