"""The section on the evaluation: metrics by slice, thresholds, and the verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tfx_estimators.components.evaluator.report import Check, Report, load_report
from tfx_estimators.errors import TfxEstimatorsError
from tfx_estimators.lineage.properties import value_of
from tfx_estimators.report.parts import Facts, Figure, Heading, Missing, Part, Section, Table, Text
from tfx_estimators.report.plots import dots
from tfx_estimators.report.subject import EVALUATION_TYPE, RunStep, Subject
from tfx_estimators.report.wording import number

__all__ = ["evaluation_section", "verdict"]

_COUNTS = ("example_count", "weighted_example_count")
_MOST_SLICES = 40
_FIRST = ("accuracy", "auc", "average_loss", "loss")
_BOUND = re.compile(r"at (?:least|most) (-?[\d.e+-]+)")


def evaluation_section(subject: Subject) -> Section:
    """What each evaluator of the run found."""
    parts: list[Part] = []
    makers = subject.makers(EVALUATION_TYPE)
    for node in makers:
        if len(makers) > 1:
            parts.append(Heading(node.step.node))
        parts += _of_evaluator(node)
    if not makers:
        parts.append(Missing("No step of this run has evaluated a model."))
    return Section("evaluation", "Evaluation", parts)


def verdict(subject: Subject) -> bool | None:
    """Whether the run's model was blessed; None where nothing says."""
    said = [value_of(one, "blessed") for one in subject.made("ModelBlessing")]
    known = [value == 1 for value in said if value is not None]
    return all(known) if known else None


def _of_evaluator(node: RunStep) -> list[Part]:
    uri = node.made(EVALUATION_TYPE)[0].uri
    try:
        report = load_report(uri)
    except TfxEstimatorsError as error:
        return _of_stock_evaluator(uri) or [Missing(str(error).partition("\n")[0])]
    words = {True: "Blessed", False: "Not blessed", None: "No verdict"}[report.blessed]
    parts: list[Part] = [
        Text(f"{words}: {report.reason}."),
        Facts(
            [
                ("Model", report.model),
                ("Baseline", report.baseline or "none"),
                ("Skew check", str(report.skew) if report.skew else "was not made"),
            ]
        ),
    ]
    if report.checks:
        parts.append(_checks(report.checks))
    slices = {one.slice: (one.metrics, one.baseline) for one in report.slices}
    return [*parts, *_figures(slices, report), _table(slices)]


def _of_stock_evaluator(uri: str) -> list[Part]:
    from tfx_estimators.components.evaluator.outcome.stock_metrics import stock_metrics

    found = stock_metrics(uri)
    if not found:
        return []
    slices: _Slices = {name: (metrics, {}) for name, metrics in found.items()}
    return [
        Text("TFX's own Evaluator has measured this model."),
        *_figures(slices, None),
        _table(slices),
    ]


_Slices = Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]]


def _checks(checks: Sequence[Check]) -> Table:
    said = {True: "passed", False: "failed", None: "undefined here, not counted"}
    return Table(
        "Thresholds",
        ["Metric", "Slice", "Wanted", "Found", "Result"],
        [[one.metric, one.slice, one.rule, number(one.value), said[one.passed]] for one in checks],
    )


def _figures(slices: _Slices, report: Report | None) -> list[Figure]:
    names: dict[str, None] = {}
    for metrics, _ in slices.values():
        names.update(dict.fromkeys(name for name in metrics if name not in _COUNTS))
    ordered = sorted(names, key=lambda n: (_FIRST.index(n) if n in _FIRST else len(_FIRST), n))
    chosen = list(slices)[:_MOST_SLICES]
    return [_figure(name, {one: slices[one] for one in chosen}, report) for name in ordered]


def _figure(name: str, slices: _Slices, report: Report | None) -> Figure:
    rows = [
        (one, metrics.get(name), baseline.get(name)) for one, (metrics, baseline) in slices.items()
    ]
    bounds = [
        (check.slice, float(bound[1]))
        for check in (report.checks if report else ())
        if check.metric == name and "change" not in check.rule
        for bound in _BOUND.finditer(check.rule)
    ]
    said = [
        f"{one} {number(value)}" + (f", baseline {number(base)}" if base is not None else "")
        for one, value, base in rows
    ]
    return dots(name, f"{name} by slice: {'; '.join(said)}.", rows, bounds=bounds)


def _table(slices: _Slices) -> Table:
    names: dict[str, None] = {}
    for metrics, _ in slices.values():
        names.update(dict.fromkeys(metrics))
    with_baseline = any(baseline for _, baseline in slices.values())
    rows = []
    for one, (metrics, baseline) in slices.items():
        rows.append([one, *(number(metrics.get(name)) for name in names)])
        if with_baseline:
            rows.append([f"{one} (baseline)", *(number(baseline.get(name)) for name in names)])
    return Table("Metrics by slice", ["Slice", *names], rows)
