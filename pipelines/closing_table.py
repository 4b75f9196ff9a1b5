"""What a run of a ready pipeline came to: metrics, verdict, and where things are."""

from __future__ import annotations

from collections.abc import Sequence

from tfx_estimators.pipelines.workspace import Workspace

__all__ = ["closing_table"]


def closing_table(workspace: Workspace, metrics: Sequence[str]) -> str:
    """Metrics overall and by slice, the verdict, the pushed version and TensorBoard's folder.

    Args:
        workspace: of a pipeline with an EstimatorTrainer, an EstimatorEvaluator and an
            EstimatorPusher under their usual ids.
        metrics: names of the columns, as the evaluator has them; "example_count" first.

    Raises:
        PipelineError: if the pipeline has not run to its end there.
    """
    from tabulate import tabulate

    from tfx_estimators.components.evaluator.report import OVERALL, load_report

    evaluation = workspace.made("EstimatorEvaluator").uri("evaluation")
    pushed = workspace.made("EstimatorPusher").custom("pushed_model", "pushed_destination")
    model_run = workspace.made("EstimatorTrainer").uri("model_run")
    report = load_report(evaluation)
    slices = sorted(report.slices, key=lambda one: (one.slice != OVERALL, one.slice))
    table = tabulate(
        [[one.slice, *(one.metrics.get(name) for name in metrics)] for one in slices],
        headers=["slice", *metrics],
        floatfmt=("", *(".0f" if name == "example_count" else ".4f" for name in metrics)),
        missingval="-",
    )
    verdict = {True: "yes", False: "no", None: "no threshold was set"}[report.blessed]
    return "\n".join(
        [
            "",
            table,
            "",
            f"blessed      {verdict}: {report.reason}",
            f"pushed to    {pushed or 'nowhere: only a blessed model is pushed'}",
            f"TensorBoard  tensorboard --logdir {model_run}",
        ]
    )
