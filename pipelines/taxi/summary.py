"""What a run of the taxi pipeline came to: a short table."""

from __future__ import annotations

import pathlib

__all__ = ["summary"]

_NODES = {"EstimatorTrainer", "EstimatorEvaluator", "EstimatorPusher"}
_COLUMNS = ("example_count", "accuracy", "auc", "average_loss")


def summary(root: pathlib.Path, pipeline: str, metadata: str) -> str:
    """Metrics overall and by payment type, the verdict, and where things are.

    Args:
        root: the folder that the run was given.
        pipeline: the pipeline's name.
        metadata: its SQLite file, relative to `root`.

    Raises:
        PipelineError: if the pipeline has not run to its end there.
    """
    from tabulate import tabulate

    from tfx_estimators.components.evaluator.report import OVERALL, load_report
    from tfx_estimators.lineage.outputs import latest_outputs

    made = {node: latest_outputs(root / metadata, pipeline, node) for node in sorted(_NODES)}
    report = load_report(made["EstimatorEvaluator"].uri("evaluation"))
    slices = sorted(report.slices, key=lambda one: (one.slice != OVERALL, one.slice))
    table = tabulate(
        [[one.slice, *(one.metrics.get(name) for name in _COLUMNS)] for one in slices],
        headers=["slice", *_COLUMNS],
        floatfmt=("", ".0f", ".4f", ".4f", ".4f"),
        missingval="-",
    )
    verdict = {True: "yes", False: "no", None: "no threshold was set"}[report.blessed]
    pushed = made["EstimatorPusher"].custom("pushed_model", "pushed_destination")
    return "\n".join(
        [
            "",
            table,
            "",
            f"blessed      {verdict}: {report.reason}",
            f"pushed to    {pushed or 'nowhere: only a blessed model is pushed'}",
            f"TensorBoard  tensorboard --logdir {made['EstimatorTrainer'].uri('model_run')}",
        ]
    )
