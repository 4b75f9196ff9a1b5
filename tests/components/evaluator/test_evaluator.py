"""One evaluation at a time: what it measures, what it decides, what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators.components import EstimatorEvaluator
from tfx_estimators.components.evaluator import Report, load_report

Run = Callable[..., Report]


@pytest.fixture
def evaluate(execute: Any, channel: Any, examples: Artifact, model: Artifact) -> Run:
    """`evaluate(eval_config, baseline=..., ...)` returns the report."""

    def run(
        eval_config: Any = None,
        *,
        model: Artifact = model,
        examples: Artifact = examples,
        baseline: Artifact | None = None,
        graph: Artifact | None = None,
        **arguments: Any,
    ) -> Report:
        arguments.setdefault("label_key", "y")
        component = EstimatorEvaluator(
            examples=channel(standard_artifacts.Examples),
            model=channel(standard_artifacts.Model),
            transform_graph=channel(standard_artifacts.TransformGraph),
            baseline_model=channel(standard_artifacts.Model),
            eval_config=eval_config,
            **arguments,
        )
        inputs = {
            "examples": examples,
            "model": model,
            "baseline_model": baseline,
            "transform_graph": graph,
        }
        run.outputs = execute(component, inputs)  # type: ignore[attr-defined]
        return load_report(run.outputs["evaluation"].uri)  # type: ignore[attr-defined]

    return run


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


@pytest.mark.stacks
def test_default_metrics_are_those_of_a_binary_classifier(
    evaluate: Run, data: dict[str, Any]
) -> None:
    report = evaluate("slicing_specs {} slicing_specs { feature_keys: 'color' }")
    x = np.array([row["x"] for row in data["eval"]])
    y = np.array([row["y"] for row in data["eval"]])
    p = sigmoid(2 * x)
    metrics = report.overall().metrics
    assert metrics["example_count"] == 300
    assert metrics["accuracy"] == pytest.approx(np.mean((p > 0.5) == y), abs=1e-6)
    assert metrics["label/mean"] == pytest.approx(y.mean(), abs=1e-6)
    assert metrics["prediction/mean"] == pytest.approx(p.mean(), abs=1e-6)
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    assert metrics["average_loss"] == pytest.approx(loss, abs=1e-6)
    pairs = p[y == 1][:, None] - p[y == 0][None, :]
    assert metrics["auc"] == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)), abs=2e-3)
    assert [s.slice for s in report.slices] == [
        "overall",
        "color: blue",
        "color: green",
        "color: red",
    ]
    assert report.blessed is None
