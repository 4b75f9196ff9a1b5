"""A short account of an evaluation: metrics by slice, thresholds, the verdict.

Kept as `report.json` beside TFMA's own files in the ModelEvaluation artifact, so that
showing it takes neither TFMA nor TensorFlow.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import DamagedFileError, EvaluationError
from tfx_estimators.json_text import dumps, finite
from tfx_estimators.lineage.documents import parse

__all__ = [
    "OVERALL",
    "Check",
    "FeatureSkew",
    "Report",
    "Skew",
    "SliceMetrics",
    "load_report",
    "save_report",
]

OVERALL = "overall"
_FILE = "report.json"


@dataclasses.dataclass(frozen=True)
class SliceMetrics:
    """Metrics over one slice.

    Attributes:
        slice: "overall" or e.g. "payment_type: Cash".
        metrics: the model's scalar metrics by name. One that is undefined there, as the AUC
            is where all labels are equal, is NaN, in the file null.
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
        value: the metric, or for a change its difference to the baseline; None where
            it is undefined.
        passed: whether the rule holds; None where that cannot be told, because the metric
            is undefined in the slice.
    """

    metric: str
    slice: str
    rule: str
    value: float | None
    passed: bool | None

    def __str__(self) -> str:
        """What was found and what was wanted."""
        if self.passed is None:
            return f"{self.metric} ({self.slice}) is undefined, wanted {self.rule}"
        found = "no number" if self.value is None else f"{self.value:.6g}"
        return f"{self.metric} ({self.slice}) is {found}, wanted {self.rule}"


@dataclasses.dataclass(frozen=True)
class FeatureSkew:
    """A feature that a model is served otherwise than it was trained on.

    Attributes:
        feature: its name.
        rows: in how many of the rows it differs.
        largest: the largest difference; None where values cannot be subtracted.
        example: the row that differs most, in words.
    """

    feature: str
    rows: int
    largest: float | None
    example: str


@dataclasses.dataclass(frozen=True)
class Skew:
    """Predictions from raw examples beside those from transformed ones.

    Attributes:
        rows: how many rows were compared.
        differing: how many of them get different predictions.
        largest: the largest difference of a prediction; None where they are no numbers.
        example: the row that differs most, in words; "" if none does.
        features: the features that differ, whether or not it changes a prediction.
    """

    rows: int
    differing: int
    largest: float | None
    example: str
    features: tuple[FeatureSkew, ...]

    def __str__(self) -> str:
        """What is wrong and what to do, or that nothing is."""
        if not self.differing:
            return f"no train/serve skew in {self.rows} rows"
        causes = [
            f"the feature {one.feature!r} differs in {one.rows} rows, most in {one.example}"
            for one in self.features
        ] or ["no feature differs: the model reads other inputs, or its predictions are random"]
        return (
            f"train/serve skew: {self.differing} of {self.rows} rows get different "
            f"predictions from raw and transformed examples, most in {self.example}; "
            f"{'; '.join(causes)}. Have serving_input_receiver_fn make its features with "
            "transform_output.transform_raw_features, or leave it out, and train again; if it "
            "does, pass the transform_graph that the model was trained with"
        )


@dataclasses.dataclass(frozen=True)
class Report:
    """What an evaluation found.

    Attributes:
        blessed: the verdict; None where no threshold was set, so none was given.
        reason: the verdict in words.
        slices: metrics, the overall slice first.
        checks: every threshold in every slice that it applies to, as TFMA has it: a plain
            threshold applies to all slices.
        model: folder of the evaluated SavedModel.
        baseline: folder of the baseline's, or None.
        skew: what the train/serve skew check found; None where it could not be made.
    """

    blessed: bool | None
    reason: str
    slices: tuple[SliceMetrics, ...]
    checks: tuple[Check, ...]
    model: str
    baseline: str | None
    skew: Skew | None = None

    def overall(self) -> SliceMetrics:
        """Metrics over all examples; without any if they were not asked for."""
        for metrics in self.slices:
            if metrics.slice == OVERALL:
                return metrics
        return SliceMetrics(OVERALL, {}, {})


@dataclasses.dataclass(frozen=True)
class _Slice:
    """`SliceMetrics` as the file has them."""

    slice: str
    metrics: dict[str, float | None]
    baseline: dict[str, float | None]


@dataclasses.dataclass(frozen=True)
class _File:
    """`Report` as the file has it."""

    blessed: bool | None
    reason: str
    slices: tuple[_Slice, ...]
    checks: tuple[Check, ...]
    model: str
    baseline: str | None
    skew: Skew | None = None


def load_report(evaluation_uri: str) -> Report:
    """Reads the report of a ModelEvaluation artifact.

    Args:
        evaluation_uri: the artifact's URI.

    Raises:
        EvaluationError: if `EstimatorEvaluator` did not make the artifact, or the report is
            damaged.
    """
    path = f"{evaluation_uri}/{_FILE}"
    files = files_for(path)
    if not files.exists(path):
        raise EvaluationError(
            f"there is no {path}",
            expected="the 'evaluation' output of an EstimatorEvaluator",
            fix="read another Evaluator's output with tfma.load_eval_result",
        )
    with files.open(path, "rb") as file:
        content = file.read()
    try:
        stored = parse(content, _File, path)
    except DamagedFileError as error:
        raise EvaluationError(
            str(error).partition("\n")[0],
            expected="the report that EstimatorEvaluator wrote",
            fix="evaluate again, or read TFMA's own files with tfma.load_eval_result",
        ) from error
    slices = tuple(
        SliceMetrics(one.slice, _numbers(one.metrics), _numbers(one.baseline))
        for one in stored.slices
    )
    return Report(**{**vars(stored), "slices": slices})


def save_report(report: Report, evaluation_uri: str) -> None:
    """Writes the report into a ModelEvaluation artifact."""
    path = f"{evaluation_uri}/{_FILE}"
    with files_for(path).open(path, "wb") as file:
        file.write(dumps(finite(dataclasses.asdict(report)), indent=1).encode())


def _numbers(metrics: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in metrics.items()}
