"""What a training that has ended publishes: `model_run`, and what its model came from."""

from __future__ import annotations

import logging
import os
import pathlib
import re
import shutil
import time

from tfx.dsl.io import fileio
from tfx.types.artifact import Artifact

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.model_digest import hash_model, model_digest
from tfx_estimators.components.saved_model import serving_path
from tfx_estimators.components.trainer.checkpoints.eval_receiver import recorded_label
from tfx_estimators.components.trainer.checkpoints.examples_note import EXAMPLES_FILE
from tfx_estimators.components.trainer.checkpoints.extension import WORK_FILE
from tfx_estimators.components.trainer.checkpoints.finished_model import finish_model
from tfx_estimators.components.trainer.checkpoints.model_dirs import (
    MODEL_DIRS_FILE,
    noted_model_dirs,
)
from tfx_estimators.components.trainer.checkpoints.recorder import Recorder
from tfx_estimators.components.trainer.checkpoints.training import Training
from tfx_estimators.components.trainer.checkpoints.training_folder import WRITER_FILE
from tfx_estimators.components.trainer.checkpoints.vocabularies import VOCABULARIES_FILE
from tfx_estimators.lineage.record_files import SUFFIX, write_record
from tfx_estimators.lineage.records import CheckpointRecord, ModelRecord

__all__ = ["publish"]

_log = logging.getLogger(__name__)
_NOTES = (WRITER_FILE, EXAMPLES_FILE, MODEL_DIRS_FILE, VOCABULARIES_FILE, WORK_FILE)
# Written once and never again, so that a second name will do for a copy.
_TORN = re.compile(r"\.torn(-\d+)?$")
_UNCHANGING = re.compile(r"(\.index|\.meta|\.data-\d+-of-\d+)$")


def publish(
    training: Training,
    model_run: Artifact,
    model: Artifact,
    label_key: str | None = None,
    transform_graph: str | None = None,
) -> None:
    """Fills `model_run`, and says on `model` and beside the checkpoints what it is.

    The model gets the custom properties `model_digest`, `checkpoint_digest`,
    `fingerprint` and `step`, and `label_key` and `transform_graph` for an evaluator that is
    told of none.

    Args:
        training: the training, which has ended.
        model_run: gets what the training's folder holds, but for our own notes.
        model: holds the exported SavedModel.
        label_key: the label, where the trainer was given one; else the one that the
            module's EvalInputReceiver names.
        transform_graph: uri of the TransformGraph that it was trained with, if any.

    Raises:
        TrainingError: if there is no model that can be loaded.
    """
    training.check()
    recorder = Recorder(training)
    recorder.catch_up()
    copy_run(training.folder, model_run.uri)
    serving = serving_path(model)
    for folder in noted_model_dirs(training.folder):
        copy_newest_checkpoint(folder, model_run.uri)
    finish_model(serving)
    record = _checkpoint_of(serving, recorder)
    digest = model_digest(hash_model(serving))
    facts: dict[str, str | int] = {"model_digest": digest, "fingerprint": training.fingerprint}
    if label := label_key or recorded_label(training.folder, model.uri):
        facts["label_key"] = label
    if transform_graph:
        facts["transform_graph"] = transform_graph
    if record is not None:
        facts |= {"checkpoint_digest": record.digest, "step": record.step}
        origin = training.origin
        write_record(
            training.folder,
            ModelRecord(
                pipeline=origin.pipeline,
                run=origin.run,
                node=origin.node,
                execution=origin.execution,
                wall_time=time.time(),
                uri=model.uri,
                digest=digest,
                checkpoint_digest=record.digest,
                fingerprint=training.fingerprint,
                step=record.step,
            ),
            files_for(training.folder),
        )
    for name, value in facts.items():
        if isinstance(value, int):
            model.set_int_custom_property(name, value)
        else:
            model.set_string_custom_property(name, value)


def copy_run(folder: str, target: str) -> None:
    """Copies a training's folder; on one file system, checkpoints by a second name.

    Args:
        folder: the training's.
        target: made if need be.
    """
    for inside, _, names in files_for(folder).walk(folder):
        relative = inside[len(folder) :].strip("/")
        destination = f"{target}/{relative}".rstrip("/")
        wanted = [
            name
            for name in names
            if not name.endswith(SUFFIX) and name not in _NOTES and not _TORN.search(name)
        ]
        if wanted:
            fileio.makedirs(destination)
        for name in wanted:
            source = f"{inside}/{name}"
            if "://" not in source and not pathlib.Path(source).is_file():
                _log.warning("not copied, as it is no file: %s", source)
                continue
            _copy(source, f"{destination}/{name}")


def copy_newest_checkpoint(model_dir: str, target: str) -> None:
    """Copies the newest checkpoint of a module's own model_dir, and nothing else of it."""
    from tfx_estimators.estimator.checkpoints import find_checkpoints

    there = find_checkpoints(model_dir, below=False)
    if there:
        newest = max(there)
        fileio.makedirs(target)
        for path in (*there[newest], f"{newest.folder}/checkpoint"):
            _copy(path, f"{target}/{path.rpartition('/')[2]}")


def _copy(source: str, target: str) -> None:
    if "://" in source or "://" in target:
        import tensorflow as tf

        tf.io.gfile.copy(source, target, overwrite=True)
        return
    if _UNCHANGING.search(source):
        try:
            os.link(source, target)
            return
        except FileExistsError:
            pathlib.Path(target).unlink()
        except OSError:
            pass  # Another file system, or one without second names.
    shutil.copyfile(source, target)


def _checkpoint_of(serving: str, recorder: Recorder) -> CheckpointRecord | None:
    """The checkpoint that a SavedModel was exported from, by its global step.

    What has no global step, as a Keras model's export, is taken for the newest's.
    """
    import tensorflow as tf

    variables = f"{serving}/variables/variables"
    if tf.io.gfile.exists(f"{variables}.index"):
        reader = tf.train.load_checkpoint(variables)
        if "global_step" in reader.get_variable_to_shape_map():
            return recorder.at_step(int(reader.get_tensor("global_step")))
    return recorder.newest()
