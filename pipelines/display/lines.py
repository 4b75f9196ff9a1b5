"""A run as lines on standard error, which make a readable log."""

from __future__ import annotations

from tfx_estimators.pipelines.display.run_events import Event, Message, StepBegan, StepEnded
from tfx_estimators.terminal import say

__all__ = ["Lines", "Quiet", "line_of"]

_OUTCOMES = {
    "done": "done",
    "cached": "cached, nothing to do",
    "skipped": "skipped, as a condition or a lack of inputs says",
}


class Lines:
    """Every event that is worth one is a line; steps show how far they are themselves."""

    shows_counts = False

    def hear(self, event: Event) -> None:
        """Prints it."""
        line = line_of(event)
        if line is not None:
            say(line)


class Quiet:
    """Shows messages alone, such as warnings."""

    shows_counts = True

    def hear(self, event: Event) -> None:
        """Prints it, if it is a message."""
        if isinstance(event, Message):
            say(event.text)


def line_of(event: Event) -> str | None:
    """The line for an event; None for what is worth none."""
    if isinstance(event, Message):
        return event.text
    if isinstance(event, StepBegan):
        return f"[{event.number}/{event.total}] {event.step}"
    if isinstance(event, StepEnded):
        title = f"[{event.number}/{event.total}] {event.step}"
        if event.outcome == "failed":
            return f"{title}: failed after {event.seconds:.1f} s"
        if event.outcome == "cached" and not event.seconds:
            # Nothing of the step was started, not even to look.
            return f"{title}: from the cache"
        return f"{title}: {_OUTCOMES[event.outcome]} ({event.seconds:.1f} s)"
    return None
