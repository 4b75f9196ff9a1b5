"""Progress of a step, shown while it runs.

Whoever shows the whole run is told of it. Where nobody does, it is one bar a step on a
terminal, and elsewhere one line every few seconds, so that a log stays readable. Beam
stages count through `count_examples`: in the runner's own process the count drives the
bar; from workers in processes of their own it comes as a Beam metric, at the end.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import io
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfx_estimators.terminal import say

__all__ = [
    "Counted",
    "Progress",
    "advance",
    "count_examples",
    "counted_examples",
    "progress_told_to",
    "show_progress",
]

METRIC_NAMESPACE = "tfx_estimators"

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_REDRAWS = 0.2

_SECONDS_BETWEEN_COUNTS = 0.1

_current: Progress | None = None
_lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Counted:
    """How far something is.

    Attributes:
        label: what is running, e.g. "EstimatorTrainer".
        unit: what is counted, e.g. "examples" or "steps".
        done: how many by now.
        total: how many there will be; None where that is not known.
        fields: what else is to be shown, e.g. {"loss": "0.31"}.
    """

    label: str
    unit: str
    done: int
    total: int | None
    fields: Mapping[str, Any]


_told: contextvars.ContextVar[Callable[[Counted], None] | None] = contextvars.ContextVar(
    "progress_told_to", default=None
)


@contextlib.contextmanager
def progress_told_to(listener: Callable[[Counted], None]) -> Iterator[None]:
    """Has every `Progress` that this thread makes in a block tell a listener, and show nothing.

    Args:
        listener: is told of every advance, of elements of Beam a few times a second, and when
            the progress is closed.
    """
    token = _told.set(listener)
    try:
        yield
    finally:
        _told.reset(token)


class Progress:
    """A counter shown to the user.

    Args:
        step: what is running, e.g. "EstimatorTrainer".
        unit: what is counted, e.g. "examples" or "steps".
        total: how many there will be, where that is known.
    """

    def __init__(self, step: str, unit: str, total: int | None = None) -> None:
        self._label, self._unit, self._total = step, unit, total
        self._done = 0
        self._fields: dict[str, object] = {}
        self._told = _told.get()
        self._next = 0.0
        self._bar = None if self._told else _bar(step, unit, total)

    def advance(self, count: int = 1, **fields: object) -> None:
        """Counts `count` more; `fields` are shown beside the bar (loss=0.31)."""
        self._done += count
        if fields:
            self._fields = fields
        if self._bar is None:
            self._tell()
            return
        if fields:
            self._bar.set_postfix(fields, refresh=False)
        with contextlib.suppress(OSError, ValueError):  # As in `_Lines`.
            self._bar.update(count)

    def advance_quickly(self, count: int) -> None:
        """Counts what comes in great numbers: whoever is told is told now and then."""
        if self._bar is None and time.monotonic() < self._next:
            self._done += count
        else:
            self.advance(count)

    def reach(self, position: int, **fields: object) -> None:
        """Moves the count to `position`, for sources that report totals."""
        self.advance(max(0, position - self._done), **fields)

    def close(self) -> None:
        """Shows the last state."""
        if self._bar is None:
            self._tell()
            return
        with contextlib.suppress(OSError, ValueError):
            self._bar.close()

    def _tell(self) -> None:
        assert self._told is not None
        self._next = time.monotonic() + _SECONDS_BETWEEN_COUNTS
        self._told(Counted(self._label, self._unit, self._done, self._total, self._fields))


def _bar(step: str, unit: str, total: int | None) -> Any:
    from tqdm import tqdm

    terminal = _is_terminal()
    return tqdm(
        desc=step,
        unit=f" {unit}",
        total=total,
        file=sys.stderr if terminal else _Lines(),
        ascii=not terminal,
        mininterval=_SECONDS_BETWEEN_REDRAWS if terminal else _SECONDS_BETWEEN_LINES,
        dynamic_ncols=terminal,
        leave=True,
    )


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:
        return False  # It is closed.


# What differs between two lines of one state: tqdm's times and rate.
_PASSING = re.compile(r" \[[^,\]]*, +[^,\]]*")


class _Lines(io.TextIOBase):
    """Standard error with a line of its own for every state of a bar."""

    def __init__(self) -> None:
        self._last = ""

    def write(self, text: str) -> int:
        """Writes the state, unless it is what was last written or nothing."""
        line = text.strip()
        state = _PASSING.sub("", line)
        if line and state != self._last:
            self._last = state
            say(line)
        return len(text)


@contextlib.contextmanager
def show_progress(step: str, unit: str, total: int | None = None) -> Iterator[Progress]:
    """Shows a `Progress` for the length of a block and routes `advance` to it."""
    global _current
    progress = Progress(step, unit, total)
    with _lock:
        before, _current = _current, progress
    try:
        yield progress
    finally:
        with _lock:
            _current = before
        progress.close()


def advance(count: int) -> None:
    """Counts on the step's progress, if this process shows one."""
    with _lock:
        if _current is not None:
            _current.advance_quickly(count)


def count_examples(label: str, size: Callable[[Any], int] | None = None) -> Any:
    """A Beam transform that passes elements on and counts them.

    Args:
        label: name of the Beam metric, in the namespace "tfx_estimators".
        size: how many examples an element holds; one where not given.
    """
    import apache_beam as beam

    counter = beam.metrics.Metrics.counter(METRIC_NAMESPACE, label)

    def count(element: Any) -> Any:
        examples = 1 if size is None else size(element)
        counter.inc(examples)
        advance(examples)
        return element

    return f"Count[{label}]" >> beam.Map(count)


def counted_examples(result: Any) -> int:
    """What all `count_examples` of a pipeline that has run have counted.

    Args:
        result: a Beam `PipelineResult`.
    """
    import apache_beam as beam

    ours = beam.metrics.MetricsFilter().with_namespace(METRIC_NAMESPACE)
    return sum(counter.result for counter in result.metrics().query(ours)["counters"])
