"""A sign of life that a training step gives the processes of its job, on their volume.

The launcher of Kubeflow Pipelines dies of SIGTERM at once and takes the step with it, so a
step that is cancelled cannot end its job. The job's processes end themselves instead once
the step has been silent for longer than a retry takes to come.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import threading
import time

from tfx_estimators.terminal import say

__all__ = ["SECONDS_OF_PATIENCE", "Heartbeat", "end_without_heartbeat"]

SECONDS_OF_PATIENCE = 900.0
"""How long processes train on without their step: for its next attempt to be scheduled."""

_FILE = "heartbeat"
_SECONDS_BETWEEN_BEATS = 10.0
_SECONDS_TO_SAVE = 60.0


class Heartbeat:
    """Written by the step.

    Args:
        folder: of the job, on the volume.
        seconds: between two beats.
    """

    def __init__(self, folder: pathlib.Path, seconds: float = _SECONDS_BETWEEN_BEATS) -> None:
        self._file = folder / _FILE
        self._seconds = seconds
        self._next = 0.0

    def beat(self) -> None:
        """Gives the sign, unless the one before was a moment ago."""
        if time.monotonic() < self._next:
            return
        # Clocks of machines differ: what counts is that the content changes.
        with contextlib.suppress(OSError):
            self._file.write_text(f"{os.getpid()} {time.time_ns()}", encoding="utf-8")
        self._next = time.monotonic() + self._seconds


def end_without_heartbeat(
    folder: pathlib.Path,
    seconds: float = SECONDS_OF_PATIENCE,
    seconds_to_save: float = _SECONDS_TO_SAVE,
) -> None:
    """Has this process end once the step has been silent for too long.

    It gets SIGTERM, on which a training saves and ends, and is ended for good later.

    Args:
        folder: of the job, on the volume.
        seconds: of silence to bear.
        seconds_to_save: between SIGTERM and the end.
    """

    def watch() -> None:
        said, heard = _read(folder), time.monotonic()
        while time.monotonic() - heard < seconds:
            time.sleep(min(_SECONDS_BETWEEN_BEATS, seconds / 4))
            if (now := _read(folder)) is not None and now != said:
                said, heard = now, time.monotonic()
        say(f"the step has been silent for {seconds:.0f} s: ending")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(seconds_to_save)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, name="heartbeat", daemon=True).start()


def _read(folder: pathlib.Path) -> str | None:
    """None as long as there is none, or the volume does not answer."""
    try:
        return (folder / _FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
