"""Two ways to do the same thing, run in turn: their times, as medians and spreads."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

REPETITIONS = 5
SHORT_SECONDS = 60

Seconds = Mapping[str, float]
"""Seconds of a run, "wall" and "processor"."""


def in_turn(
    ways: Sequence[str], run: Callable[[str, int], Seconds]
) -> Mapping[str, Sequence[Seconds]]:
    """Runs each way `REPETITIONS` times in turn, or once if a run takes a minute or more.

    Args:
        ways: their names.
        run: takes a name and the number of the repetition, from 0.
    """
    taken: dict[str, list[Seconds]] = {way: [] for way in ways}
    for repetition in range(REPETITIONS):
        for way, times in taken.items():
            times.append(run(way, repetition))
            shown = ", ".join(f"{kind} {value:.2f} s" for kind, value in times[-1].items())
            print(f"{way}: {shown}", flush=True)
        if any(times[0]["wall"] >= SHORT_SECONDS for times in taken.values()):
            break
    return taken


def figures(taken: Mapping[str, Sequence[Seconds]]) -> dict[str, Any]:
    """Ratios of the medians, and each way's seconds as [median, lowest, highest].

    Args:
        taken: as `in_turn` returns them, ours first.
    """

    def of(way: str, kind: str, choose: Callable[[list[float]], float]) -> float:
        return choose([times[kind] for times in taken[way]])

    def ratio(kind: str) -> float:
        ours, theirs = (of(way, kind, statistics.median) for way in taken)
        return round(theirs / ours, 2)

    _, peer = taken
    found: dict[str, Any] = {
        f"speedup_vs_{peer}": ratio("wall"),
        f"processor_speedup_vs_{peer}": ratio("processor"),
        "repetitions": len(taken[peer]),
    }
    for way in taken:
        for kind, name in (("wall", "seconds"), ("processor", "processor_seconds")):
            chosen = (statistics.median, min, max)
            found[f"{way}_{name}"] = [round(of(way, kind, choose), 2) for choose in chosen]
    return found
