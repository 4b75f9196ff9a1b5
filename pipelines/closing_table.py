"""What a run of a ready pipeline came to: metrics, verdict, and where things are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfx_estimators.pipelines.workspace import Workspace

if TYPE_CHECKING:
    from tfx_estimators.components.evaluator.report import Report

__all__ = ["closing_table", "report_table"]


def closing_table(workspace: Workspace, metrics: Sequence[str]) -> str:
    """Metrics overall and by slice, the verdict, the pushed version and TensorBoard's folder.

    Args:
        workspace: of a pipeline with an EstimatorTrainer, an EstimatorEvaluator and an
            EstimatorPusher, whatever their ids.
        metrics: names of the columns, as the evaluator has them; "example_count" first.

    Raises:
        PipelineError: if the pipeline has not run to its end there.
    """
    from tfx_estimators.components.evaluator.report import load_report

    evaluation = workspace.made("EstimatorEvaluator").uri("evaluation")
    pushed = workspace.made("EstimatorPusher").custom("pushed_model", "pushed_destination")
    model_run = workspace.made("EstimatorTrainer").uri("model_run")
    return "\n".join(
        [
            report_table(load_report(evaluation), metrics),
            f"pushed to    {pushed or 'nowhere: only a blessed model is pushed'}",
            f"TensorBoard  tensorboard --logdir {model_run}",
        ]
    )


def report_table(report: Report, metrics: Sequence[str]) -> str:
    """An evaluation: metrics overall and by slice, then the verdict.

    The verdict has a line for each threshold that failed, or that could not be measured.

    Args:
        report: what the evaluator found.
        metrics: names of the columns; a dash is shown where one is undefined.
    """
    from tabulate import tabulate

    from tfx_estimators.components.evaluator.report import OVERALL

    slices = sorted(report.slices, key=lambda one: (one.slice != OVERALL, one.slice))
    table = tabulate(
        [[one.slice, *(_shown(one.metrics.get(name)) for name in metrics)] for one in slices],
        headers=["slice", *metrics],
        floatfmt=("", *(".0f" if name == "example_count" else ".4f" for name in metrics)),
        missingval="-",
    )
    verdict = {True: "yes", False: "no", None: "no threshold was set"}[report.blessed]
    reason = report.reason.replace("; ", f"\n{'':13}")
    return "\n".join(["", table, "", f"blessed      {verdict}: {reason}"])


def _shown(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
