"""Marks that the parts of a training leave when they have done their work.

That a process ended with code 0 does not say so: a module may end its process itself. The
marks lie in the training's folder, which processes on other machines see too.
"""

from __future__ import annotations

from collections.abc import Iterable

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import TrainingError

__all__ = ["check_done", "mark_done"]

_FOLDER = "done"


def mark_done(folder: str, attempt: str, part: str) -> None:
    """Leaves the mark of a part.

    Args:
        folder: the training's.
        attempt: tells one attempt at the training from another.
        part: its name, e.g. "worker-1".
    """
    files = files_for(folder)
    files.makedirs(f"{folder}/{_FOLDER}")
    with files.open(_mark(folder, attempt, part), "w") as file:
        file.write("done\n")


def check_done(folder: str, attempt: str, parts: Iterable[str]) -> None:
    """Looks for the marks of parts whose processes have ended, and removes them.

    Args:
        folder: the training's.
        attempt: as in `mark_done`.
        parts: their names.

    Raises:
        TrainingError: if one has left none.
    """
    files = files_for(folder)
    missing = []
    for part in parts:
        mark = _mark(folder, attempt, part)
        if files.exists(mark):
            files.remove(mark)
        else:
            missing.append(part)
    if missing:
        raise TrainingError(
            f"{', '.join(missing)} ended with code 0 before the work was done",
            expected="processes that train to the end",
            fix=f"see {folder}/logs, and look for os._exit and sys.exit in the module",
        )


def _mark(folder: str, attempt: str, part: str) -> str:
    return f"{folder}/{_FOLDER}/{attempt}-{part}"
