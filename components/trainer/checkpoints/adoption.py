"""Copies a checkpoint that another program wrote into a training's folder."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Collection, Mapping, Sequence

import tensorflow as tf

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.model_digest import hash_file
from tfx_estimators.components.trainer.checkpoints.graph_ids import ids_in_graph
from tfx_estimators.components.trainer.checkpoints.recorder import Recorder
from tfx_estimators.components.trainer.checkpoints.training import FOREIGN, Training
from tfx_estimators.components.trainer.checkpoints.training_folder import WRITER_FILE, hold_training
from tfx_estimators.components.trainer.checkpoints.vocabularies import noted_vocabularies
from tfx_estimators.errors import MissingFilesError, TrainingError
from tfx_estimators.estimator.checkpoints import (
    Checkpoint,
    find_checkpoints,
    is_whole,
    names_in,
    recover,
)

__all__ = ["Adopted", "adopt"]

# Is kept for a variable too, and is no optimizer's.
_AVERAGE = "ExponentialMovingAverage"
# Of optimizers of Keras: in an Estimator's checkpoint, and in one of `tf.train.Checkpoint`.
_OF_KERAS = re.compile(r"^training/[^/]+/(?P<variable>.+)/[^/]+$")
_IN_OBJECTS = "/.OPTIMIZER_SLOT/"
_OLD_FORMAT = re.compile(r"ckpt-\d+(-\d{5}-of-\d{5})?$")
_STEP = "global_step"
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
        model_dir: of an Estimator, of TensorFlow 1 or 2; or the prefix of one of its checkpoints.
        folder: the training's in the checkpoint store. It has a checkpoint of its own, which
            says what variables it has.
        assets: folder with the vocabularies of the old model, as the `assets` of its export;
            by default those of the newest export below `model_dir`.

    Raises:
        MissingFilesError: if either folder has no checkpoint.
        TrainingError: if it is not clear which checkpoint is meant, if variables or what their
            rows stand for do not fit or cannot be compared, if the training is past that step,
            or if a file cannot be copied.
    """
    folder = folder.rstrip("/")
    source, paths = _source(model_dir.rstrip("/"))
    _check_not_a_store(folder)
    training = Training(folder=folder, fingerprint=folder.rpartition("/")[2], origin=FOREIGN)
    with hold_training(training) as training:
        own = next((c for c in sorted(find_checkpoints(folder), reverse=True) if is_whole(c)), None)
        if own is None:
            raise MissingFilesError(
                f"the training in {folder} has no checkpoint of its own to compare with",
                expected="a training that has started",
                fix="run the pipeline until it shows the first step, interrupt it, and repeat this",
            )
        variables, slots, unused = _fit(source, own)
        step = _step_of(source)
        if step <= own.step:
            raise TrainingError(
                f"the checkpoint {source.prefix} is of step {step}, but the training has "
                f"reached step {own.step}",
                expected="a checkpoint of a later step",
                fix="start the training again (--fresh), interrupt it at once, and repeat this",
            )
        assets = assets or _exported_assets(source.folder)
        same = _same_vocabularies(folder, assets)
        _check_ids(source, own, assets)
        # By its step, whatever number it has there: the one of the highest number is restored.
        taken = Checkpoint(step, f"{own.folder}/model.ckpt-{step}")
        _copy(paths, source, taken)
        # As at the start of a training: the file `checkpoint` names the copy, if it is whole.
        if taken in recover(folder).torn:
            raise _not_copied(source, taken, "the copy is damaged")
        Recorder(training).catch_up()
    return Adopted(taken, variables, slots, unused, same)


def _source(model_dir: str) -> tuple[Checkpoint, tuple[str, ...]]:
    """The checkpoint that is meant, with its files."""
    folder, _, stem = model_dir.rpartition("/")
    if files_for(model_dir).exists(f"{model_dir}.index"):
        there = find_checkpoints(folder or ".", below=False)
        named = [c for c in there if c.stem == stem and is_whole(c)]
        if not named:
            raise _no_checkpoint(f"{model_dir} is no complete checkpoint")
        return named[0], there[named[0]]
    there = find_checkpoints(model_dir, below=False)
    source = next((c for c in sorted(there, reverse=True) if is_whole(c)), None)
    if source is None:
        if any(_OLD_FORMAT.search(name) for name in names_in(model_dir)):
            raise TrainingError(
                f"the checkpoints in {model_dir} have the format of TensorFlow before 1.0",
                expected="model.ckpt-*.index with model.ckpt-*.data-*",
                fix="restore one with tf.compat.v1.train.Saver, and save it again",
            )
        raise _no_checkpoint(f"there is no complete checkpoint in {model_dir}")
    state = tf.train.get_checkpoint_state(model_dir)
    restored = "" if state is None else state.model_checkpoint_path.rpartition("/")[2]
    if restored != source.stem and restored in [c.stem for c in there]:
        raise TrainingError(
            f"the newest complete checkpoint in {model_dir} is {source.stem}, but the file "
            f"`checkpoint` there names {restored}",
            expected="the checkpoint to resume from",
            fix=f"pass its prefix: tfx-estimators adopt {model_dir}/{restored} TRAINING",
        )
    return source, there[source]


def _no_checkpoint(problem: str) -> MissingFilesError:
    return MissingFilesError(
        problem,
        expected="the model_dir of an Estimator, with model.ckpt-*.index",
        fix="check the path",
    )


def _step_of(checkpoint: Checkpoint) -> int:
    reader = tf.train.load_checkpoint(checkpoint.prefix)
    known = _STEP in reader.get_variable_to_shape_map()
    return int(reader.get_tensor(_STEP)) if known else checkpoint.step


def _check_not_a_store(folder: str) -> None:
    """The newest checkpoint below a store may be of any of its trainings."""
    files = files_for(folder)
    _, folders, _ = next(iter(files.walk(folder)), (folder, [], []))
    names = sorted(str(name).rstrip("/") for name in folders)
    trainings = [name for name in names if files.exists(f"{folder}/{name}/{WRITER_FILE}")]
    if trainings:
        raise TrainingError(
            f"{folder} is not a training, but holds {len(trainings)}",
            expected="the folder of a training, STORE/<fingerprint>",
            fix=f"pass one of them, such as {folder}/{trainings[0]}",
        )


def _copy(paths: Sequence[str], source: Checkpoint, taken: Checkpoint) -> None:
    # The index last: until then nobody takes it for a checkpoint.
    try:
        for path in sorted(paths, key=lambda path: path.endswith(".index")):
            tf.io.gfile.copy(path, f"{taken.prefix}{path[len(source.prefix) :]}", overwrite=True)
    except (OSError, tf.errors.OpError) as error:
        raise _not_copied(source, taken, str(error)) from error


def _not_copied(source: Checkpoint, taken: Checkpoint, problem: str) -> TrainingError:
    return TrainingError(
        f"{source.prefix} cannot be copied to {taken.folder}: {problem}",
        expected="files that stay while they are read, and room for a copy",
        fix="wait until nothing trains there any more, and check the free space: "
        f"df -h {taken.folder}",
    )


def _fit(source: Checkpoint, own: Checkpoint) -> tuple[int, int, tuple[str, ...]]:
    old, new = tf.train.load_checkpoint(source.prefix), tf.train.load_checkpoint(own.prefix)
    shapes, wanted = old.get_variable_to_shape_map(), new.get_variable_to_shape_map()
    types, wanted_types = old.get_variable_to_dtype_map(), new.get_variable_to_dtype_map()
    misfits = []
    for name, shape in sorted(wanted.items()):
        if name not in shapes:
            kind = "optimizer slot" if _is_slot(name, wanted) else "variable"
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
    slots = sum(1 for name in wanted if _is_slot(name, wanted))
    return len(wanted), slots, tuple(sorted(set(shapes) - set(wanted)))


def _is_slot(name: str, names: Collection[str]) -> bool:
    """Whether a variable is an optimizer's, kept for another one."""
    if _IN_OBJECTS in name:
        return True
    of_keras = _OF_KERAS.match(name)
    variable, _, kind = name.rpartition("/")
    return kind != _AVERAGE and (of_keras["variable"] if of_keras else variable) in names


def _same_vocabularies(folder: str, assets: str | None) -> tuple[str, ...]:
    wanted = noted_vocabularies(folder)
    if not wanted:
        return ()
    found = _digests_in(assets)
    differing = sorted(name for name in wanted if name in found and found[name] != wanted[name])
    missing = sorted(set(wanted) - set(found))
    if differing or missing:
        what = f"{', '.join(differing or missing)} "
        what += "differ" if differing else "cannot be compared: the old model's are not there"
        raise _other_values(f"the vocabularies {what}")
    return tuple(sorted(wanted))


def _check_ids(source: Checkpoint, own: Checkpoint, assets: str | None) -> None:
    """That the module itself gives values the ids that they had."""
    old, new = ids_in_graph(source, assets), ids_in_graph(own)
    differing = sorted(n for n in old.keys() & new if old[n] and new[n] and old[n] != new[n])
    if differing:
        raise _other_values(
            f"the graphs of the old and the new model differ in {', '.join(differing)}"
        )
    unknown = sorted(n for n in old.keys() | new if not (old.get(n) and new.get(n)))
    if unknown:
        raise TrainingError(
            f"it is not known whether the ids of {', '.join(unknown)} are those of the old model: "
            "only one of the two graphs tells them",
            expected=f"the graph of the old model: {source.stem}.meta or graph.pbtxt",
            fix=f"copy it to {source.folder} if it is elsewhere; else start from the old model's "
            "weights with base_model or warm_start_from",
        )


def _other_values(problem: str) -> TrainingError:
    return TrainingError(
        f"{problem}, so rows of the weights would stand for other values",
        expected="vocabularies, boundaries and classes that are identical, in the same order",
        fix="pass the folder with the old model's vocabularies as --assets; if they differ, "
        "start from its weights with base_model, which carries each row to its value",
    )


def _exported_assets(model_dir: str) -> str | None:
    from tfx_estimators.components.trainer.checkpoints.exports import newest_export

    export = newest_export(model_dir, ())
    return None if export is None else f"{export.path}/assets"


def _digests_in(assets: str | None) -> Mapping[str, str]:
    if assets is None:
        return {}
    files = files_for(assets)
    _, _, names = next(iter(files.walk(assets)), (assets, [], []))
    return {pathlib.PurePath(str(n)).name: hash_file(f"{assets}/{n}") for n in names}
