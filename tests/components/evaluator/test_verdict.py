"""What is said of thresholds that fail in a slice, and of metrics that are undefined there."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from tfx.types.artifact import Artifact

from tfx_estimators.components.evaluator import Report
from tfx_estimators.pipelines.closing_table import report_table

pytestmark = pytest.mark.stacks

Run = Callable[..., Report]
THRESHOLD = "threshold { value_threshold { lower_bound { value: 0.7 } } }"
SLICES = "slicing_specs {} slicing_specs { feature_keys: 'color' }"
OURS = SLICES + (
    "metrics_specs { thresholds { key: 'auc' value { "
    "value_threshold { lower_bound { value: 0.7 } } } } }"
)
TFMAS = SLICES + (
    "metrics_specs { metrics { class_name: 'ExampleCount' } metrics { class_name: 'AUC' "
    f"""config: '{{"name": "auc", "num_thresholds": 200}}' {THRESHOLD} }} }}"""
)
# (x, label, color): the model says sigmoid(2x).
GOOD = [(x / 10, int(x > 0), "red") for x in range(-20, 21) if x]
BACKWARDS = [(x / 10, int(x < 0), "blue") for x in range(-3, 4) if x]
ONE_CLASS = [(x / 10, 0, "pink") for x in range(-3, 4)]


@pytest.fixture
def of(make_examples: Any, example: Any, tmp_path: pathlib.Path) -> Callable[..., Artifact]:
    def make(*groups: list[tuple[float, int, str]]) -> Artifact:
        rows = [example(x=x, y=y, color=color) for group in groups for x, y, color in group]
        return make_examples(tmp_path / "in", {"eval": rows})

    return make


def written(evaluate: Any) -> dict[str, Any]:
    """The report's file, read by the standard's rules."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    file = pathlib.Path(evaluate.outputs["evaluation"].uri, "report.json")
    return json.loads(file.read_text(), parse_constant=refuse)


@pytest.mark.parametrize("config", [OURS, TFMAS], ids=["ours", "TFMA's"])
def test_every_failing_slice_is_named_in_report_log_and_table(
    evaluate: Run, of: Any, config: str, capfd: Any
) -> None:
    report = evaluate(config, examples=of(GOOD, BACKWARDS))
    assert report.blessed is False
    results = {check.slice: check.passed for check in report.checks}
    assert results == {"overall": True, "color: blue": False, "color: red": True}
    words = "auc (color: blue) is 0, wanted at least 0.7"
    assert report.reason == words
    assert f"EstimatorEvaluator: {words}" in capfd.readouterr().err
    table = report_table(report, ["example_count", "auc"])
    assert f"blessed      no: {words}" in table
    assert "passed" not in table


@pytest.mark.parametrize("config", [OURS, TFMAS], ids=["ours", "TFMA's"])
def test_an_undefined_metric_is_a_dash_and_neither_passes_nor_fails(
    evaluate: Run, of: Any, config: str, capfd: Any
) -> None:
    report = evaluate(config, examples=of(GOOD, ONE_CLASS))
    assert report.blessed is True
    assert {check.slice: check.passed for check in report.checks} == {
        "overall": True,
        "color: pink": None,
        "color: red": True,
    }
    words = "auc (color: pink) is undefined, wanted at least 0.7"
    assert report.reason == f"2 thresholds passed; {words}, not counted"
    assert words in capfd.readouterr().err
    by_slice = {one.slice: one.metrics for one in report.slices}
    assert math.isnan(by_slice["color: pink"]["auc"])
    file = written(evaluate)
    assert [s["metrics"]["auc"] for s in file["slices"] if s["slice"] == "color: pink"] == [None]
    (line,) = (
        line
        for line in report_table(report, ["example_count", "auc"]).splitlines()
        if line.startswith("color: pink")
    )
    assert line.split() == ["color:", "pink", "7", "-"]


def test_a_threshold_that_nothing_could_be_measured_by_blocks(evaluate: Run, of: Any) -> None:
    report = evaluate(OURS, examples=of(ONE_CLASS))
    assert report.blessed is False
    assert "auc (overall) is undefined, wanted at least 0.7" in report.reason
    assert "passed" not in report.reason
    sliced = OURS.replace("slicing_specs {}", "")
    report = evaluate(sliced, examples=of(ONE_CLASS))
    assert report.blessed is False
    assert report.reason == "auc (color: pink) is undefined, wanted at least 0.7"


def test_a_change_from_an_undefined_metric_is_undefined(
    evaluate: Run, of: Any, make_model: Any, tmp_path: pathlib.Path
) -> None:
    config = OURS.replace(
        "value_threshold { lower_bound { value: 0.7 } }",
        "change_threshold { absolute { value: -0.1 } direction: HIGHER_IS_BETTER }",
    )
    baseline = make_model(tmp_path / "baseline", slope=1.0)
    report = evaluate(config, examples=of(GOOD, ONE_CLASS), baseline=baseline)
    assert report.blessed is True
    assert {check.slice: check.passed for check in report.checks}["color: pink"] is None
    assert "color: pink) is undefined, wanted a change of at least -0.1" in report.reason
