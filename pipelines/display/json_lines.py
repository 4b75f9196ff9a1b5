"""A run as JSON, one event a line."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from typing import IO, Any

from tfx_estimators.json_text import dumps, finite
from tfx_estimators.pipelines.display.run_events import Advanced, Event, StepEnded
from tfx_estimators.redaction import redacted, without_secrets

__all__ = ["JsonLines"]

_SECONDS_BETWEEN_COUNTS = 1.0


class JsonLines:
    """Writes events for programs.

    Every line is an object with "event", its name; "time", in seconds since 1970 (UTC); and
    the event's own fields. How far a step is comes once a second at most, and once more
    before the step ends.

    Args:
        stream: where to.
    """

    shows_counts = True

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._written: dict[str, float] = {}
        self._held: dict[str, Advanced] = {}

    def hear(self, event: Event) -> None:
        """Writes it."""
        with self._lock:
            if isinstance(event, Advanced):
                now = time.monotonic()
                if now - self._written.get(event.step, -1e9) < _SECONDS_BETWEEN_COUNTS:
                    self._held[event.step] = event
                    return
                self._written[event.step] = now
                self._held.pop(event.step, None)
            elif isinstance(event, StepEnded) and event.step in self._held:
                self._write(self._held.pop(event.step))
            self._write(event)

    def _write(self, event: Event) -> None:
        fields: dict[str, Any] = dataclasses.asdict(event)
        fields |= fields.pop("counted", {})
        fields |= {name: redacted(fields[name]) for name in ("text", "failure") if fields.get(name)}
        text = dumps(without_secrets(finite({"event": event.name, "time": time.time(), **fields})))
        # Whoever read it may be gone; the run goes on.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{text}\n")
            self._stream.flush()
