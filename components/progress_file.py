"""How far a step is, in a small file: for a step whose progress another process shows."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import threading
import time
from collections.abc import Iterator

from tfx_estimators.components.progress import Counted, progress_told_to
from tfx_estimators.json_text import dumps, finite
from tfx_estimators.whole_files import staged

__all__ = ["progress_kept_in", "read_progress"]


_SECONDS_BETWEEN_WRITES = 0.2


@contextlib.contextmanager
def progress_kept_in(file: pathlib.Path) -> Iterator[None]:
    """Has every `Progress` that this thread makes in a block write a file, and show nothing.

    A file that cannot be written does not fail the step.

    Args:
        file: replaced as a whole a few times a second, and at the end of the block.
    """
    keeper = _Keeper(file)
    with progress_told_to(keeper.take):
        try:
            yield
        finally:
            keeper.write()


class _Keeper:
    def __init__(self, file: pathlib.Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._newest: Counted | None = None
        self._next = 0.0

    def take(self, counted: Counted) -> None:
        """Writes it, unless something was written a moment ago."""
        with self._lock:
            self._newest = counted
        if time.monotonic() >= self._next:
            self.write()

    def write(self) -> None:
        """Writes what is newest."""
        with self._lock, contextlib.suppress(OSError):
            if self._newest is None:
                return
            self._next = time.monotonic() + _SECONDS_BETWEEN_WRITES
            text = dumps(finite(dataclasses.asdict(self._newest)))
            with staged(self._file) as fresh:
                fresh.write_text(text, encoding="utf-8")


def read_progress(file: pathlib.Path) -> Counted | None:
    """What was last written; None if nothing was, or it cannot be read."""
    try:
        return Counted(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
