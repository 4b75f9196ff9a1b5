"""`log.txt` of a run: for its owner's eyes, without secrets, and never in the run's way."""

from __future__ import annotations

import io
import logging
import os
import pathlib
import sys

from tfx_estimators.terminal import shown

__all__ = ["FORMAT", "LogFile", "ReadableFormatter", "hide_warnings", "show_warnings"]

FORMAT = "%(asctime)s %(name)s %(message)s"
"""A line of a log."""


# Beam says so of every type hint of TFX's own code, about a hundred times a run.
_NOISE = "Using Any for unsupported type"


class ReadableFormatter(logging.Formatter):
    """Formats as usual; control characters are escaped, secrets taken out."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, and its traceback's."""
        return shown(super().format(record))


class LogFile(logging.FileHandler):
    """A log that only its owner reads, and no link leads elsewhere.

    Where it cannot be written, because the disk is full, that is said once. Lines that tell
    nobody anything are left out.

    Args:
        file: the file; its folder is there.

    Raises:
        OSError: if it cannot be opened.
    """

    def __init__(self, file: pathlib.Path) -> None:
        super().__init__(file, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(ReadableFormatter(FORMAT))
        self.addFilter(lambda record: not str(record.msg).startswith(_NOISE))
        self._is_failing = False

    def _open(self) -> io.TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self.baseFilename, flags, 0o600)
        os.fchmod(descriptor, 0o600)  # An older version let everybody read it.
        return os.fdopen(descriptor, "a", encoding=self.encoding, errors=self.errors)

    def handleError(self, record: logging.LogRecord) -> None:
        """Instead of a traceback for each line."""
        if not self._is_failing:
            self._is_failing = True
            error = sys.exc_info()[1]
            print(f"warning: {self.baseFilename} is no longer written to: {error}", file=sys.stderr)


class _Warnings(logging.StreamHandler):  # type: ignore[type-arg]
    """Shows warnings on standard error, readable."""


def show_warnings() -> None:
    """Has warnings shown on standard error, unless the process logs already.

    Else the first library that logs anything would have them shown as they are.
    """
    root = logging.getLogger()
    if not root.handlers:
        handler = _Warnings()
        handler.setFormatter(ReadableFormatter("%(message)s"))
        handler.setLevel(logging.WARNING)
        root.addHandler(handler)


def hide_warnings() -> None:
    """Takes back `show_warnings`, for a log that has all lines."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Warnings)]:
        root.removeHandler(handler)
