"""One evaluation at a time, without a pipeline around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
