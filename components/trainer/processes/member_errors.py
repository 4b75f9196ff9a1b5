"""The error that ended a process of a training, passed to the step in a file.

As text: a class of the user's module cannot be imported where the step runs, and an
exception need not be picklable, nor even have a text.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

from tfx_estimators import errors
from tfx_estimators.components.user_code import CodeLine, describe, find_place, full_trace, text_of
from tfx_estimators.errors import TfxEstimatorsError, TrainingError
from tfx_estimators.json_text import dumps
from tfx_estimators.whole_files import staged

__all__ = ["MemberTrace", "read_error", "write_error"]


class MemberTrace(Exception):
    """The cause, as the process that raised it printed it.

    Args:
        trace: its whole trace.
        place: the line of the user's files.
    """

    def __init__(self, trace: str, place: CodeLine | None) -> None:
        super().__init__(f"\n{trace}")
        self.place = place


def write_error(path: pathlib.Path, error: BaseException) -> None:
    """Writes an exception down, whatever it is.

    Args:
        path: the file, which appears as a whole.
        error: what was raised.
    """
    place = find_place(error)
    said = {
        "class": type(error).__name__ if type(error).__module__ == errors.__name__ else "",
        "text": text_of(error),
        "described": describe(error),
        "trace": full_trace(error),
        "place": None if place is None else dataclasses.asdict(place),
    }
    with staged(path) as fresh:
        # A file name that is no text is in the message as a surrogate.
        fresh.write_text(dumps(said), encoding="utf-8")


def read_error(path: pathlib.Path, task: str) -> TfxEstimatorsError | None:
    """What `write_error` wrote, to be raised again; its trace is the error's cause.

    Args:
        path: the file.
        task: the process's name, for the message.

    Returns:
        an error of this package as the same class with the same text, any other as a
        TrainingError; None if there is no such file, or it cannot be read.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        found = said["place"]
        place = None if found is None else CodeLine(found["file"], found["line"], found["function"])
        error = _error_of(said, place, task)
        error.__cause__ = MemberTrace(str(said["trace"]), place)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return error


def _error_of(said: dict[str, Any], place: CodeLine | None, task: str) -> TfxEstimatorsError:
    if said["class"] in errors.__all__:
        kind: type[TfxEstimatorsError] = getattr(errors, said["class"])
        return kind(str(said["text"]))
    return TrainingError(
        f"{task} failed: {said['described']}" + (f"\n  at: {place}" if place else ""),
        fix="correct the cause and run again: training goes on from its last checkpoint",
    )
