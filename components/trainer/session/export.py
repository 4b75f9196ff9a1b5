"""Exporting an estimator to where TFX looks for a serving model."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from tfx_estimators.components.feature_tensors import (
    FeatureTensor,
    name_tensors,
    write_feature_tensors,
)
from tfx_estimators.components.trainer.checkpoints.exports import Export, newest_export
from tfx_estimators.errors import TrainingError

__all__ = [
    "evaluate_and_export",
    "export_for_serving",
    "forget_own_export",
    "publish_newest_export",
    "publish_own_export",
]

# What an Estimator keeps in its model_dir, beside what its exporters write.
_OF_TRAINING = re.compile(r"^(checkpoint$|.*ckpt.*-\d+\.|events\.out\.|graph\.pbtxt$)")


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


def publish_newest_export(
    estimator: Any, eval_spec: Any, serving_dir: str, before: Sequence[Export] = ()
) -> None:
    """Copies what the first of the EvalSpec's exporters that exported anything wrote.

    Args:
        estimator: the Estimator.
        eval_spec: its EvalSpec.
        serving_dir: where to.
        before: the exports that were there when this attempt began.

    Raises:
        TrainingError: if no exporter has written anything.
    """
    names = [exporter.name for exporter in eval_spec.exporters or ()]
    for name in names:
        if (export := newest_export(estimator.model_dir, before, name)) is not None:
            io_utils.copy_dir(export.path, serving_dir)
            return
    raise TrainingError(
        f"no exporter of eval_spec has exported a model: {', '.join(names) or 'there is none'}",
        expected="a FinalExporter, LatestExporter or BestExporter that exported at least once",
        fix="add exporters=[tf_estimator.FinalExporter('serving', serving_receiver_fn)] to the "
        "EvalSpec",
    )


def publish_own_export(module_dir: str, serving_dir: str, before: Sequence[Export]) -> None:
    """Publishes what a `run_fn` left in the folder that it was given for its model.

    That is a SavedModel in the folder itself, or below it what an exporter wrote; beside
    them may lie checkpoints, which stay.

    Args:
        module_dir: the folder.
        serving_dir: where to.
        before: the exports that were there when this attempt began.

    Raises:
        TrainingError: if there is none.
    """
    if not fileio.exists(f"{module_dir}/saved_model.pb"):
        export = newest_export(module_dir, before)
        if export is None:
            raise TrainingError(
                f"run_fn returned without a model in {module_dir}",
                expected="a SavedModel in fn_args.serving_model_dir",
                fix="save or export the model there",
            )
        io_utils.copy_dir(export.path, serving_dir)
        return
    for inside, _, names in fileio.walk(module_dir):
        relative = os.fsdecode(inside)[len(module_dir) :].strip("/")
        if relative.partition("/")[0] in ("export", "eval"):
            continue
        for name in map(os.fsdecode, names):
            if relative or not _OF_TRAINING.match(name):
                target = f"{serving_dir}/{relative}".rstrip("/")
                fileio.makedirs(target)
                fileio.copy(f"{os.fsdecode(inside)}/{name}", f"{target}/{name}", overwrite=True)
    forget_own_export(module_dir)


def forget_own_export(module_dir: str) -> None:
    """Removes the SavedModel that a `run_fn` has left in the folder it was given for one.

    Raises:
        OSError: if it cannot be removed.
    """
    if not fileio.exists(module_dir):
        return
    names = [name.rstrip("/") for name in fileio.listdir(module_dir)]
    if any(_OF_TRAINING.match(name) or name == "export" for name in names):
        # It is the Estimator's model_dir too: without this the rest is no model.
        if "saved_model.pb" in names:
            fileio.remove(f"{module_dir}/saved_model.pb")
    else:
        fileio.rmtree(module_dir)
