"""Exporting an estimator to where TFX looks for a serving model."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from tfx_estimators.components.feature_tensors import (
    FeatureTensor,
    name_tensors,
    write_feature_tensors,
)
from tfx_estimators.errors import TrainingError

__all__ = ["export_for_serving", "publish_newest_export"]


def export_for_serving(
    estimator: Any, serving_input_receiver_fn: Callable[[], Any], serving_dir: str
) -> None:
    """Exports the latest checkpoint to `serving_dir` itself, without a time stamp.

    Beside the SavedModel lie the names of its features' tensors, see `feature_tensors`.
    """
    staging = f"{serving_dir}.exporting"
    tensors: dict[str, FeatureTensor] = {}

    def receiver_fn() -> Any:
        receiver = serving_input_receiver_fn()
        tensors.update(name_tensors(getattr(receiver, "features", None)))
        return receiver

    exported = os.fsdecode(estimator.export_saved_model(staging, receiver_fn))
    write_feature_tensors(exported, tensors)
    io_utils.copy_dir(exported, serving_dir)
    fileio.rmtree(staging)


def evaluate_and_export(estimator: Any, eval_spec: Any) -> None:
    """Evaluates the latest checkpoint and runs the EvalSpec's exporters, as at the end of
    `train_and_evaluate`.

    Args:
        estimator: the Estimator.
        eval_spec: its EvalSpec.
    """
    checkpoint = estimator.latest_checkpoint()
    metrics = estimator.evaluate(
        eval_spec.input_fn, eval_spec.steps, eval_spec.hooks, checkpoint, eval_spec.name
    )
    for exporter in eval_spec.exporters or ():
        exporter.export(
            estimator=estimator,
            export_path=f"{estimator.model_dir}/export/{exporter.name}",
            checkpoint_path=checkpoint,
            eval_result=metrics,
            is_the_final_export=True,
        )


def publish_newest_export(estimator: Any, eval_spec: Any, serving_dir: str) -> None:
    """Copies what the EvalSpec's exporters wrote to `serving_dir`.

    Raises:
        TrainingError: if no exporter has written anything.
    """
    names = [exporter.name for exporter in eval_spec.exporters or ()]
    for name in names:
        folder = f"{estimator.model_dir}/export/{name}"
        versions = fileio.listdir(folder) if fileio.exists(folder) else []
        # An export that is still being written is called temp-<version>.
        complete = [version.strip("/") for version in versions if version.strip("/").isdigit()]
        if complete:
            io_utils.copy_dir(f"{folder}/{max(complete, key=int)}", serving_dir)
            return
    raise TrainingError(
        f"no exporter of eval_spec has exported a model: {', '.join(names) or 'there is none'}",
        expected="a FinalExporter, LatestExporter or BestExporter that exported at least once",
        fix="add exporters=[tf_estimator.FinalExporter('serving', serving_receiver_fn)] to the "
        "EvalSpec",
    )
