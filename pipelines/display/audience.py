"""Tells of a run's events whoever shows or writes them down."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Protocol

from tfx_estimators.components.progress import Counted, progress_told_to
from tfx_estimators.pipelines.display.lines import Lines
from tfx_estimators.pipelines.display.run_events import Advanced, Event

__all__ = ["Listener", "counting", "counts_are_shown", "counts_of", "report", "told_to"]


class Listener(Protocol):
    """Is told of events, in whatever thread they happen.

    Attributes:
        shows_counts: whether it shows how far steps are; else they show that themselves.
    """

    shows_counts: bool

    def hear(self, event: Event) -> None:
        """Takes an event."""
        ...


_listeners: tuple[Listener, ...] = (Lines(),)


@contextlib.contextmanager
def told_to(*listeners: Listener) -> Iterator[None]:
    """Has these told of events for the length of a block; else they are shown as lines."""
    global _listeners
    before, _listeners = _listeners, listeners
    try:
        yield
    finally:
        _listeners = before


def report(event: Event) -> None:
    """Tells of an event."""
    for listener in _listeners:
        listener.hear(event)


def counts_are_shown() -> bool:
    """Whether anybody shows how far steps are; else they show that themselves."""
    return any(listener.shows_counts for listener in _listeners)


@contextlib.contextmanager
def counting(step: str) -> Iterator[None]:
    """Reports how far a step is, for the length of a block, where somebody shows it.

    Args:
        step: the node's id.
    """

    advanced = counts_of(step)
    if advanced is None:
        yield
        return
    with progress_told_to(advanced):
        yield


def counts_of(step: str) -> Callable[[Counted], None] | None:
    """What to tell of how far a step is; None where nobody shows it.

    Args:
        step: the node's id.
    """
    if not counts_are_shown():
        return None
    return lambda counted: report(Advanced(step, counted))
