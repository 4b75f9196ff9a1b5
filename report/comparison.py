"""The section that compares a run with another one."""

from __future__ import annotations

from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.lineage.compare import Difference, compare, not_compared
from tfx_estimators.lineage.runs import Run, list_runs
from tfx_estimators.lineage.store import Store
from tfx_estimators.report.parts import Cell, Missing, Part, Section, Table, Text
from tfx_estimators.report.subject import Subject
from tfx_estimators.report.wording import number, when

__all__ = ["comparison_section", "previous_run"]

_TITLES = {"parameter": "Parameters", "column": "Feature columns", "metric": "Metrics"}


def previous_run(subject: Subject) -> Run | None:
    """The last run of the same pipeline before this one that came to its end."""
    run = subject.run
    for one in list_runs(subject.store, pipeline=run.pipeline, limit=None):
        # By number: a clock may have been set back in between.
        if one.id < run.id and one.state == "complete":
            return one
    return None


def comparison_section(
    subject: Subject, against: Run | None, against_store: Store | None = None
) -> Section:
    """What differs between another run, on the left, and this one.

    Args:
        subject: this run.
        against: the other run; None where there is none.
        against_store: that knows of the other run, where it is another store.
    """
    name, title = "comparison", "Comparison"
    if against is None:
        return Section(
            name, title, [Missing("There is no earlier run of this pipeline to compare with.")]
        )
    store = against_store or subject.store
    found = compare(store, against, subject.run, files_for(""), _stock, subject.store)
    parts: list[Part] = [
        Text(f"With the run {against.name} of {when(against.started)}: " + _counted(len(found)))
    ]
    if gone := not_compared(store, against, files_for("")):
        parts.append(Text(f"Not compared, as that run's files are not here: {', '.join(gone)}."))
    for about, caption in _TITLES.items():
        of_kind = [one for one in found if one.about == about]
        if of_kind:
            parts.append(
                Table(
                    caption,
                    ["Name", "Then", "Now", "Change"],
                    [[one.name, *_sides(one)] for one in of_kind],
                    folded=len(of_kind) > 30,
                )
            )
    return Section(name, title, parts)


def _counted(count: int) -> str:
    return {0: "nothing differs.", 1: "one thing differs."}.get(count, f"{count} things differ.")


def _sides(difference: Difference) -> list[Cell]:
    delta = difference.delta
    return [
        _cell(difference.left),
        _cell(difference.right),
        None if delta is None or delta != delta else f"{delta:+.6g}",
    ]


def _cell(value: Any) -> Cell:
    if isinstance(value, float):
        return number(value)
    return value if value is None or isinstance(value, int | str) else str(value)


def _stock(uri: str) -> dict[str, dict[str, float]]:
    from tfx_estimators.components.evaluator.outcome.stock_metrics import stock_metrics

    return stock_metrics(uri)
