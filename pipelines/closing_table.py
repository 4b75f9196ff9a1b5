"""The summary of a run: metrics, the verdict and why, where things are, what to type next."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tfx_estimators.pipelines.workspace import Workspace

if TYPE_CHECKING:
    from tfx_estimators.components.evaluator.report import Report
    from tfx_estimators.lineage.outputs import Produced

__all__ = ["closing_table", "report_table", "run_table"]

_FIRST_METRICS = (
    "example_count",
    "accuracy",
    "auc",
    "average_loss",
    "mean_squared_error",
)
_MOST_METRICS = 5


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
            *_next(None if pushed is None else str(pushed)),
        ]
    )


def run_table(pipeline: Any) -> str:
    """What the newest run of any pipeline came to, as far as its steps say.

    Args:
        pipeline: the `tfx.orchestration.pipeline.Pipeline` that was run.

    Returns:
        the metrics and the verdict of each EstimatorEvaluator, where the model is, where it
        was pushed, and what to type next; "" if ML Metadata has no such run.

    Raises:
        MetadataStoreError: if the store cannot be read.
    """
    from tfx_estimators.lineage.outputs import outputs_of_newest_run
    from tfx_estimators.lineage.store import open_store

    config = pipeline.metadata_connection_config
    if config is None:
        return ""
    produced = outputs_of_newest_run(open_store(config), pipeline.pipeline_info.pipeline_name)
    # In the order of the pipeline.
    made = [produced[node.id] for node in pipeline.components if node.id in produced]
    return "\n".join(_lines(made))


def _lines(made: Sequence[Produced]) -> Iterator[str]:
    for step in made:
        if step.artifacts.get("evaluation"):
            report = _report(step)
            overall = report.overall().metrics
            checked = [check.metric for check in report.checks]
            names = dict.fromkeys([*_FIRST_METRICS, *checked, *overall])
            shown = [name for name in names if name in overall]
            yield report_table(report, shown[:_MOST_METRICS])
    for step in made:
        if step.artifacts.get("model_run"):
            yield f"model        {step.uri('model')}"
            yield f"TensorBoard  tensorboard --logdir {step.uri('model_run')}"
    pushes = [step for step in made if step.artifacts.get("pushed_model")]
    for step in pushes:
        pushed = step.custom("pushed_model", "pushed_destination")
        yield f"pushed to    {pushed or 'nowhere: only a blessed model is pushed'}"
    if pushes:
        pushed = pushes[0].custom("pushed_model", "pushed_destination")
        yield from _next(str(pushed) if pushed else None)


def _report(evaluator: Produced) -> Report:
    """The report of an EstimatorEvaluator, or what there is of one of TFX's Evaluator."""
    from tfx_estimators.components.evaluator.outcome.stock_metrics import stock_metrics
    from tfx_estimators.components.evaluator.report import (
        OVERALL,
        Report,
        SliceMetrics,
        load_report,
    )
    from tfx_estimators.errors import EvaluationError

    uri = evaluator.uri("evaluation")
    try:
        return load_report(uri)
    except EvaluationError:
        found = {"": {}, **stock_metrics(uri)}
    slices = tuple(
        SliceMetrics(name or OVERALL, values, {}) for name, values in found.items() if values
    )
    blessing = evaluator.artifacts.get("blessing")
    blessed = evaluator.custom("blessing", "blessed") == 1 if blessing else None
    return Report(blessed, "TFX's Evaluator leaves no reason", slices, (), "", None)


def _next(pushed: str | None) -> Iterator[str]:
    if pushed:
        yield f"next         tfx-estimators predict {shlex.quote(pushed)} DATA -o predictions.csv"
        yield f"             tfx-estimators lineage {shlex.quote(pushed)}"
    else:
        yield "next         change the model or the threshold, and run again: what has not changed"
        yield "             is taken from the cache"


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
