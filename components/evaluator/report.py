"""A short account of an evaluation: metrics by slice, thresholds, the verdict.

Kept as `report.json` beside TFMA's own files in the ModelEvaluation artifact, so that
showing it takes neither TFMA nor TensorFlow.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tfx.dsl.io import fileio

from tfx_estimators.errors import EvaluationError

__all__ = ["OVERALL", "Check", "Report", "SliceMetrics", "load_report", "save_report"]

OVERALL = "overall"
_FILE = "report.json"


@dataclasses.dataclass(frozen=True)
class SliceMetrics:
    """Metrics over one slice.

    Attributes:
        slice: "overall" or e.g. "payment_type: Cash".
        metrics: the model's scalar metrics by name.
        baseline: the baseline model's, empty if there is none.
    """

    slice: str
    metrics: Mapping[str, float]
    baseline: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Check:
    """One threshold on one slice.

    Attributes:
        metric: name of the metric.
        slice: as in `SliceMetrics`.
        rule: what was asked, e.g. "at least 0.7" or "change of at least -0.01".
        value: the metric, or for a change its difference to the baseline.
        passed: whether the rule holds.
    """

    metric: str
    slice: str
    rule: str
    value: float | None
    passed: bool


@dataclasses.dataclass(frozen=True)
class Report:
    """What an evaluation found.

    Attributes:
        blessed: the verdict; None where no threshold was set, so none was given.
        reason: the verdict in words.
        slices: metrics, the overall slice first.
        checks: every threshold that was checked.
        model: folder of the evaluated SavedModel.
        baseline: folder of the baseline's, or None.
    """

    blessed: bool | None
    reason: str
    slices: tuple[SliceMetrics, ...]
    checks: tuple[Check, ...]
    model: str
    baseline: str | None

    def overall(self) -> SliceMetrics:
        """Metrics over all examples; without any if they were not asked for."""
        for metrics in self.slices:
            if metrics.slice == OVERALL:
                return metrics
        return SliceMetrics(OVERALL, {}, {})


def load_report(evaluation_uri: str) -> Report:
    """Reads the report of a ModelEvaluation artifact.

    Args:
        evaluation_uri: the artifact's URI.

    Raises:
        EvaluationError: if `EstimatorEvaluator` did not make the artifact.
    """
    path = f"{evaluation_uri}/{_FILE}"
    if not fileio.exists(path):
        raise EvaluationError(
            f"there is no {path}",
            expected="the 'evaluation' output of an EstimatorEvaluator",
            fix="read another Evaluator's output with tfma.load_eval_result",
        )
    with fileio.open(path) as file:
        fields: dict[str, Any] = json.loads(file.read())
    fields["slices"] = tuple(SliceMetrics(**one) for one in fields["slices"])
    fields["checks"] = tuple(Check(**one) for one in fields["checks"])
    return Report(**fields)


def save_report(report: Report, evaluation_uri: str) -> None:
    """Writes the report into a ModelEvaluation artifact."""
    with fileio.open(f"{evaluation_uri}/{_FILE}", "w") as file:
        file.write(json.dumps(dataclasses.asdict(report), indent=1))
