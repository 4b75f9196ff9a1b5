"""Copies a checkpoint that another program wrote into a training's folder."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Mapping

import tensorflow as tf

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.model_digest import hash_file
from tfx_estimators.components.trainer.checkpoints.recorder import Recorder
from tfx_estimators.components.trainer.checkpoints.training import FOREIGN, Training
from tfx_estimators.components.trainer.checkpoints.training_folder import hold_training
from tfx_estimators.components.trainer.checkpoints.vocabularies import noted_vocabularies
from tfx_estimators.errors import MissingFilesError, TrainingError
from tfx_estimators.estimator.checkpoints import Checkpoint, find_checkpoints, is_whole

__all__ = ["Adopted", "adopt"]

_SLOT = re.compile(r"/(Adam|Adam_1|Adagrad|Ftrl|Ftrl_1|Momentum|RMSProp|RMSProp_1)$")
_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Adopted:
    """What was taken over.

    Attributes:
        checkpoint: where it lies now.
        variables: how many variables the training goes on with.
        slots: how many of them are an optimizer's.
        unused: variables of the checkpoint that the training does not have.
        vocabularies: names of those that are the same in both.
    """

    checkpoint: Checkpoint
    variables: int
    slots: int
    unused: tuple[str, ...]
    vocabularies: tuple[str, ...]


def adopt(model_dir: str, folder: str, assets: str | None = None) -> Adopted:
    """Takes the newest checkpoint of an Estimator's model_dir over; nothing in there changes.

    Args:
        model_dir: of an Estimator, of TensorFlow 1 or 2.
        folder: the training's in the checkpoint store. It has a checkpoint of its own, which
            says what variables it has.
        assets: folder with the vocabularies of the old model, as the `assets` of its export;
            by default those of the newest export below `model_dir`.

    Raises:
        MissingFilesError: if either folder has no checkpoint.
        TrainingError: if variables or vocabularies do not fit or cannot be compared, or the
            training is past that step.
    """
    folder = folder.rstrip("/")
    source_folder = model_dir.rstrip("/")
    there = find_checkpoints(source_folder, below=False)
    source = next((c for c in sorted(there, reverse=True) if is_whole(c)), None)
    if source is None:
        raise MissingFilesError(
            f"there is no complete checkpoint in {model_dir}",
            expected="the model_dir of an Estimator, with model.ckpt-*.index",
            fix="check the path",
        )
    training = Training(folder=folder, fingerprint=folder.rpartition("/")[2], origin=FOREIGN)
    with hold_training(training) as training:
        own = next((c for c in sorted(find_checkpoints(folder), reverse=True) if is_whole(c)), None)
        if own is None:
            raise MissingFilesError(
                f"the training in {folder} has no checkpoint of its own to compare with",
                expected="a training that has started",
                fix="run the pipeline until it shows the first step, interrupt it, and repeat this",
            )
        if source.step <= own.step:
            raise TrainingError(
                f"the checkpoint {source.prefix} is of step {source.step}, but the training has "
                f"reached step {own.step}",
                expected="a checkpoint of a later step",
                fix="start the training again (--fresh), interrupt it at once, and repeat this",
            )
        variables, slots, unused = _fit(source, own)
        same = _same_vocabularies(source_folder, folder, assets)
        taken = Checkpoint(source.step, f"{own.folder}/model.ckpt-{source.step}")
        # The index last: until then nobody takes it for a checkpoint.
        for path in sorted(there[source], key=lambda path: path.endswith(".index")):
            end = path[len(source.prefix) :]
            tf.io.gfile.copy(path, f"{taken.prefix}{end}", overwrite=True)
        Recorder(training).catch_up()
    return Adopted(taken, variables, slots, unused, same)


def _fit(source: Checkpoint, own: Checkpoint) -> tuple[int, int, tuple[str, ...]]:
    old, new = tf.train.load_checkpoint(source.prefix), tf.train.load_checkpoint(own.prefix)
    shapes, wanted = old.get_variable_to_shape_map(), new.get_variable_to_shape_map()
    types, wanted_types = old.get_variable_to_dtype_map(), new.get_variable_to_dtype_map()
    misfits = []
    for name, shape in sorted(wanted.items()):
        if name not in shapes:
            kind = "optimizer slot" if _SLOT.search(name) else "variable"
            misfits.append(f"{kind} {name} {shape} is missing there")
        elif shapes[name] != shape or types[name] != wanted_types[name]:
            misfits.append(
                f"{name} is {wanted_types[name].name} {shape}, there {types[name].name} "
                f"{shapes[name]}"
            )
    if misfits:
        more = f"; and {len(misfits) - _SHOWN} more" if len(misfits) > _SHOWN else ""
        raise TrainingError(
            f"{source.prefix} does not fit the training: {'; '.join(misfits[:_SHOWN])}{more}",
            expected="the same variables, in the same shapes",
            fix="give the estimator the layers, columns and optimizer that it had, or start "
            "from the old model's weights: base_model, or warm_start_from",
        )
    slots = sum(1 for name in wanted if _SLOT.search(name))
    return len(wanted), slots, tuple(sorted(set(shapes) - set(wanted)))


def _same_vocabularies(model_dir: str, folder: str, assets: str | None) -> tuple[str, ...]:
    wanted = noted_vocabularies(folder)
    if not wanted:
        return ()
    found = _assets_of(model_dir, assets)
    differing = sorted(name for name in wanted if name in found and found[name] != wanted[name])
    missing = sorted(set(wanted) - set(found))
    if differing or missing:
        what = f"{', '.join(differing or missing)} "
        what += "differ" if differing else "cannot be compared: the old model's are not there"
        raise TrainingError(
            f"the vocabularies {what}, so rows of the weights would stand for other values",
            expected="vocabularies that are identical, line by line",
            fix="pass the folder with the old model's vocabularies as --assets; if they differ, "
            "start from its weights with base_model, which carries each row to its value",
        )
    return tuple(sorted(wanted))


def _assets_of(model_dir: str, assets: str | None) -> Mapping[str, str]:
    from tfx_estimators.components.trainer.checkpoints.exports import newest_export

    if assets is None:
        export = newest_export(model_dir, ())
        if export is None:
            return {}
        assets = f"{export.path}/assets"
    files = files_for(assets)
    _, _, names = next(iter(files.walk(assets)), (assets, [], []))
    return {pathlib.PurePath(str(n)).name: hash_file(f"{assets}/{n}") for n in names}
