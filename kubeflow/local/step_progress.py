"""Reports how far the running step is: it keeps that in a file, which is looked at here."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable

from tfx_estimators.components.progress import Counted
from tfx_estimators.components.progress_file import read_progress
from tfx_estimators.pipelines.display.run_events import Advanced

__all__ = ["StepProgress"]

_SECONDS_BETWEEN_LOOKS = 0.2


class StepProgress:
    """Looks at the running step's file, from a thread of its own, for the length of a block.

    Args:
        report: takes what is new.
    """

    def __init__(self, report: Callable[[Advanced], None]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._step, self._file = "", pathlib.Path()
        self._last: Counted | None = None

    def __enter__(self) -> StepProgress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def begin(self, step: str, file: str | None) -> None:
        """From now on it is this step that runs; it keeps no file if there is none given."""
        with self._lock:
            self._step, self._last = step if file else "", None
            self._file = pathlib.Path(file or "")

    def end(self) -> None:
        """Reports the last state; afterwards no step runs."""
        with self._lock:
            self._look()
            if self._step:
                self._file.unlink(missing_ok=True)
            self._step = ""

    def _look_on(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_LOOKS):
            with self._lock:
                self._look()

    def _look(self) -> None:
        counted = read_progress(self._file) if self._step else None
        if counted is not None and counted != self._last:
            self._last = counted
            self._report(Advanced(self._step, counted))
