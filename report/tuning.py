"""The section on searches for hyperparameters: every trial, and the best."""

from __future__ import annotations

import itertools
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.tuner.results import (
    RESULTS_FILE,
    TRIALS_FILE,
    SearchResult,
    TrialResult,
)
from tfx_estimators.lineage.documents import read
from tfx_estimators.report.parts import Cell, Facts, Figure, Heading, Missing, Part, Section, Table
from tfx_estimators.report.plots import Line, lines
from tfx_estimators.report.subject import RunStep, Subject
from tfx_estimators.report.wording import number

__all__ = ["RESULTS_TYPE", "tuning_section"]

RESULTS_TYPE = "TunerResults"

_BETTER = {"min": "lower is better", "max": "higher is better", "": ""}
_MOST_OPEN = 20


def tuning_section(subject: Subject) -> Section:
    """The trials of each tuner of the run, those of TFX's own too."""
    parts: list[Part] = []
    tuners = subject.makers(RESULTS_TYPE)
    for node in tuners:
        if len(tuners) > 1:
            parts.append(Heading(node.step.node))
        parts += _of_tuner(node)
    return Section("tuning", "Tuning", parts)


def _of_tuner(node: RunStep) -> list[Part]:
    uri = node.made(RESULTS_TYPE)[0].uri
    result = _read(uri)
    if result is None:
        return [Missing(f"The results of the search are no longer in {uri}.")]
    best = next((one for one in result.trials if one.trial == result.best), None)
    failed = sum(one.score is None for one in result.trials)
    better = _BETTER[result.direction]
    facts: list[tuple[str, Cell]] = [
        ("Step", node.step.node),
        ("Objective", f"{result.objective} ({better})" if better else result.objective),
        ("Trials", f"{len(result.trials)}, of which {failed} failed"),
        ("Best", None if best is None else number(best.score)),
        *((name, _value(value)) for name, value in (best.values if best else {}).items()),
    ]
    scored = [(at, one.score) for at, one in enumerate(result.trials, 1) if one.score is not None]
    figures = [_figure(result, scored)] if len(scored) > 1 else []
    return [Facts(facts), *figures, _table(result)]


def _read(uri: str) -> SearchResult | None:
    files = files_for(uri)
    if files.exists(f"{uri}/{TRIALS_FILE}"):
        return read(f"{uri}/{TRIALS_FILE}", SearchResult, files)
    if not files.exists(f"{uri}/{RESULTS_FILE}"):
        return None
    # What TFX's Tuner writes: only trials that ended well, the best first.
    rows = read(f"{uri}/{RESULTS_FILE}", list[dict[str, Any]], files)
    trials = [
        TrialResult(str(row.pop("trial_id", at)), row, row.pop("score", None))
        for at, row in enumerate(rows)
    ]
    return SearchResult("score", "", trials, trials[0].trial if trials else "")


def _figure(result: SearchResult, scored: list[tuple[int, float]]) -> Figure:
    name, places = result.objective, [at for at, _ in scored]
    scores = [score for _, score in scored]
    found = [Line("trial", places, scores, points=True, joined=False)]
    if result.direction:
        choose = min if result.direction == "min" else max
        found.append(Line("best so far", places, list(itertools.accumulate(scores, choose))))
    said = ", ".join(f"trial {at} {number(score)}" for at, score in scored)
    return lines(f"{name} by trial", f"{name} of each trial: {said}.", found, x="trial")


def _table(result: SearchResult) -> Table:
    names = list(dict.fromkeys(name for one in result.trials for name in one.values))
    rows: list[list[Cell]] = []
    for at, one in enumerate(result.trials, 1):
        state = "failed" if one.score is None else "best" if one.trial == result.best else None
        why = one.message.partition("\n")[0] or None
        values = [_value(one.values.get(name)) for name in names]
        rows.append([str(at), state, one.score, *values, why])
    return Table(
        f"Trials ({len(rows)})",
        ["Trial", "State", result.objective, *names, "Failed with"],
        rows,
        folded=len(rows) > _MOST_OPEN,
    )


def _value(value: Any) -> Cell:
    return value if value is None or isinstance(value, int | float | str) else str(value)
