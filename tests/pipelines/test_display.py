"""What a user sees of a run while it runs: on a terminal, as lines, as JSON."""

from __future__ import annotations

import io
import json
import time

import pytest
from rich.console import Console
from terminal_screen import Screen

from tfx_estimators.components.progress import Counted, show_progress
from tfx_estimators.pipelines.display.audience import counting, report, told_to
from tfx_estimators.pipelines.display.json_lines import JsonLines
from tfx_estimators.pipelines.display.live import LiveDisplay
from tfx_estimators.pipelines.display.run_events import (
    Advanced,
    Event,
    Message,
    RunEnded,
    StepBegan,
    StepEnded,
    StepRuns,
)

pytestmark = pytest.mark.stacks

LONG = "EstimatorTrainer.of_a_rather_long_name"


def steps(done: int, loss: str, label: str = "EstimatorTrainer") -> Advanced:
    fields = {"loss": loss, "examples/s": "123,456", "processes": "2/2"}
    return Advanced(LONG, Counted(label, "steps", done, 4_000_000, fields))


class Terminal:
    """A live display, and the screen that it draws on."""

    def __init__(self, width: int) -> None:
        self.written = io.StringIO()
        console = Console(
            file=self.written, force_terminal=True, width=width, height=24, color_system=None
        )
        self.display = LiveDisplay(console)

    def screen(self) -> Screen:
        return Screen().play(self.written.getvalue())

    def until(self, text: str) -> Screen:
        """The screen once it shows something; the display draws when it likes."""
        end = time.monotonic() + 60
        while text not in str(found := self.screen()):
            assert time.monotonic() < end, f"{text!r} is not on\n{found}"
            time.sleep(0.02)
        return found


@pytest.mark.parametrize("width", [80, 50])
def test_a_terminal_has_a_line_for_every_step_that_runs(width: int) -> None:
    terminal = Terminal(width)
    with terminal.display as display:
        assert "loading TFX" in str(terminal.screen())
        for event in (
            StepBegan("CsvExampleGen", 1, 3),
            StepEnded("CsvExampleGen", 1, 3, "cached", 0.2),
            StepBegan(LONG, 2, 3),
            StepBegan("Beside", 3, 3),
            StepRuns(LONG),
            Message("EstimatorTrainer: going on from step 40"),
            steps(40, "0.9"),
        ):
            display.hear(event)
        display.hear(steps(250_000, "0.5"))
        drawn = terminal.until("250,000/4,000,000 steps" if width == 80 else "Beside")
        running = [line for line in drawn.lines if "EstimatorTrainer.of_a_r..." in line]
        assert len(running) == 1
        assert ("loss 0.5" in running[0]) is (width == 80)
        assert "1 of 3 steps" in drawn.lines[-1]
        display.hear(steps(4_000_000, "0.25"))
        display.hear(StepEnded("Beside", 3, 3, "done", 1.0))
        display.hear(StepEnded(LONG, 2, 3, "failed", 3725.0))
    left = terminal.screen()
    assert left.widest <= width
    assert [line.split()[1] for line in left.lines[:4]] == [
        *("CsvExampleGen", "going", "Beside"),
        "EstimatorTrainer.of_a_r...",
    ]
    assert "1:02:05  failed" in left.lines[3]
    assert ("4,000,000/4,000,000 steps" in left.lines[3]) is (width == 80)
    # What ran is gone, and nothing stands there twice.
    assert [line for line in left.lines[4:] if line] == []


def test_the_last_loss_is_the_one_that_stays() -> None:
    terminal = Terminal(80)
    with terminal.display as display, told_to(display):
        report(StepBegan("Trainer", 1, 1))
        with counting("Trainer"), show_progress("EstimatorTrainer", "steps", 300) as progress:
            for step in range(1, 301):
                progress.reach(step, loss=f"{1 / step:.4f}")
        report(StepEnded("Trainer", 1, 1, "done", 2.0))
    assert "done  300/300 steps  loss 0.0033" in terminal.screen().lines[0]


def test_a_terminal_without_unicode_gets_none() -> None:
    written = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=written, force_terminal=True, width=80, color_system=None)
    with LiveDisplay(console) as display:
        display.hear(StepBegan("Speak", 1, 1))
        display.hear(StepEnded("Speak", 1, 1, "done", 0.1))
    written.flush()
    assert isinstance(written.buffer, io.BytesIO)
    assert "+ Speak" in written.buffer.getvalue().decode("ascii")


def test_json_has_an_event_a_line_and_counts_that_are_not_too_many() -> None:
    stream = io.StringIO()
    display = JsonLines(stream)
    recorded: list[Event] = [StepBegan(LONG, 1, 1), StepRuns(LONG)]
    recorded += [steps(step, f"{1 / step:.3f}") for step in range(1, 200)]
    recorded += [Message("two\nlines"), StepEnded(LONG, 1, 1, "done", 2.5), RunEnded()]
    for event in recorded:
        display.hear(event)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["event"] for one in events if one["event"] != "progress"] == [
        *("step_began", "step_runs", "message", "step_ended", "run_ended")
    ]
    counts = [one for one in events if one["event"] == "progress"]
    assert len(counts) < 100
    assert (counts[0]["done"], counts[-1]["done"]) == (1, 199)
    assert counts[-1]["fields"]["loss"] == "0.005"
    assert events.index(counts[-1]) == len(events) - 3
    assert events[-1]["failure"] is None
