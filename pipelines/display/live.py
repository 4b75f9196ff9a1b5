"""A run on a terminal: what runs is drawn anew several times a second, what ended stays."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from tfx_estimators.components.progress import Counted
from tfx_estimators.pipelines.display.run_events import (
    Advanced,
    Event,
    Message,
    StepBegan,
    StepEnded,
    StepRuns,
)
from tfx_estimators.terminal import escaped, shown

__all__ = ["LiveDisplay"]

_NAME, _TIME = 26, 8
_A_SECOND = 8
_MARKS = {"done": "✓", "cached": "=", "skipped": "-", "failed": "✗"}
_PLAIN_MARKS = {"done": "+", "cached": "=", "skipped": "-", "failed": "x"}
_STYLES = {"done": "green", "cached": "cyan", "skipped": "dim", "failed": "bold red"}


@dataclasses.dataclass
class _Step:
    """A step that has begun and not ended."""

    name: str
    began: float
    runs: bool = False
    counted: Counted | None = None
    first: tuple[int, float] | None = None

    def hear(self, counted: Counted, now: float) -> None:
        """Takes how far it is."""
        before = self.counted
        if before is None or before.label != counted.label:
            self.first = None
        elif self.first is None and counted.done > before.done:
            # What came before the first one, such as building a graph, comes once.
            self.first = (counted.done, now)
        self.counted = counted


class LiveDisplay:
    """Draws a run on a terminal for the length of a block.

    Below what has ended, which stays, there is a line for every step that runs: how long it
    has run, how far it is, the last loss, the time left and its speed, as far as there is
    room. Whatever else is printed meanwhile appears above.

    Args:
        console: the terminal; standard error by default.
    """

    shows_counts = True

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr, highlight=False, markup=False)
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._steps: dict[str, _Step] = {}
        self._ended, self._total = 0, 0
        self._is_loading = True
        ascii_only = self._console.options.ascii_only
        self._marks = _PLAIN_MARKS if ascii_only else _MARKS
        self._spinner = Spinner("line" if ascii_only else "dots")
        self._live = Live(
            get_renderable=self._drawn,
            console=self._console,
            refresh_per_second=_A_SECOND,
            transient=True,
            # What is redirected into a file must not end up on the terminal.
            redirect_stdout=sys.stdout.isatty(),
        )

    def __enter__(self) -> LiveDisplay:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._live.stop()

    def hear(self, event: Event) -> None:
        """Draws it."""
        now = time.monotonic()
        line: Text | None = None
        with self._lock:
            self._is_loading = False
            if isinstance(event, StepBegan):
                self._total = event.total
                self._steps[event.step] = _Step(event.step, now)
            elif isinstance(event, StepRuns) and event.step in self._steps:
                self._steps[event.step].runs = True
            elif isinstance(event, Advanced) and event.step in self._steps:
                self._steps[event.step].hear(event.counted, now)
            elif isinstance(event, StepEnded):
                self._ended += 1
                step = self._steps.pop(event.step, None) or _Step(event.step, now)
                line = self._last_line(event, step)
            elif isinstance(event, Message):
                line = Text(shown(event.text))
        if line is None:
            return
        # The terminal may be gone; the run goes on.
        with contextlib.suppress(OSError, ValueError):
            self._console.print(line, soft_wrap=not isinstance(event, StepEnded))

    def _drawn(self) -> Text:
        now = time.monotonic()
        with self._lock:
            frame = str(self._spinner.render(now))
            lines = [
                Text.assemble(
                    (frame, "green"), " ", *self._columns(step.name, now - step.began),
                    self._fitting(_parts_of(step, now)),
                )
                for step in self._steps.values()
            ]  # fmt: skip
            what = f"{self._ended} of {self._total} steps" if self._total else "running"
            foot = f"{'loading TFX' if self._is_loading else what} {_length(now - self._began)}"
        lines.append(Text(f"{' ' if lines else frame} {foot}", style="dim"))
        drawn = Text("\n").join(lines)
        drawn.no_wrap = True
        return drawn

    def _columns(self, name: str, seconds: float) -> Iterator[str]:
        yield set_cell_size(_cut(escaped(name), _NAME), _NAME)
        yield f"{_length(seconds):>{_TIME}}  "

    def _fitting(self, parts: Sequence[str]) -> str:
        """As many of the parts as there is room for; the first ones matter most."""
        room = self._console.width - 2 - _NAME - _TIME - 2 - 1
        text = ""
        for part in parts:
            longer = f"{text}  {part}" if text else part
            if cell_len(longer) > room:
                break
            text = longer
        return text

    def _last_line(self, event: StepEnded, step: _Step) -> Text:
        parts: list[str] = [event.outcome]
        if step.counted is not None and event.outcome != "cached":
            parts += [_count(step.counted), *_loss(step.counted)]
        style = _STYLES[event.outcome]
        return Text.assemble(
            (self._marks[event.outcome], style),
            " ",
            *self._columns(event.step, event.seconds),
            self._fitting(parts),
        )


def _parts_of(step: _Step, now: float) -> list[str]:
    counted = step.counted
    if counted is None:
        return ["running" if step.runs else "looks into the cache"]
    parts = [_count(counted), *_loss(counted)]
    done, since = step.first or (counted.done, now)
    rate = (counted.done - done) / (now - since) if now > since else 0.0
    if counted.total is not None and 0 < counted.done < counted.total and rate > 0:
        parts.append(f"{_length((counted.total - counted.done) / rate)} left")
    fields: dict[str, Any] = dict(counted.fields)
    fields.pop("loss", None)
    if speed := fields.pop("examples/s", None):
        parts.append(f"{speed} examples/s")
    elif rate > 0:
        parts.append(f"{rate:,.0f} {counted.unit}/s")
    return [*parts, *(f"{name} {value}" for name, value in fields.items())]


def _count(counted: Counted) -> str:
    of = "" if counted.total is None else f"/{counted.total:,}"
    return f"{counted.done:,}{of} {counted.unit}"


def _loss(counted: Counted) -> list[str]:
    return [f"loss {counted.fields['loss']}"] if "loss" in counted.fields else []


def _cut(name: str, width: int) -> str:
    return name if cell_len(name) <= width else f"{set_cell_size(name, width - 3)}..."


def _length(seconds: float) -> str:
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
