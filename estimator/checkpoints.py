"""Checkpoints on disk: found, read to their end, and which of them is to be restored.

TensorFlow restores what the file `checkpoint` names, whole or not, and reads from it
only when a training starts. Here every checkpoint is found by its index, and one that
cannot be read to its end is told from one that can: each tensor has a checksum.

Names of files are those of `tf.compat.v1.train.Saver` and `tf.train.CheckpointManager`,
seen on TensorFlow 2.15, 2.16 and 2.21.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re

import tensorflow as tf

__all__ = ["Checkpoint", "Recovery", "is_whole", "list_checkpoints", "recover", "remove_checkpoint"]

_INDEX = re.compile(r"^(?P<stem>.*ckpt.*-(?P<step>\d+))\.index$")
# What a writer that was killed leaves: parts that were not given their name yet, ...
_UNFINISHED = re.compile(r"(\.tempstate\d+|_temp(_[0-9a-f]{32})?)$")
# ... and those that were, before the index.
_PART = re.compile(r"^(?P<stem>.*ckpt.*-\d+)\.(data-\d+-of-\d+|meta)$")
_STATE = "checkpoint"


@dataclasses.dataclass(frozen=True, order=True)
class Checkpoint:
    """A checkpoint.

    Attributes:
        step: the number in its name; of an Estimator's, the global step.
        prefix: its path without ".index" and ".data-...".
    """

    step: int
    prefix: str

    @property
    def folder(self) -> str:
        """The folder it lies in."""
        return self.prefix.rpartition("/")[0]


@dataclasses.dataclass(frozen=True)
class Recovery:
    """What was found in a training's folder.

    Attributes:
        latest: what is restored now; None if there is nothing to restore.
        torn: checkpoints that could not be read to their end. They have been removed.
    """

    latest: Checkpoint | None
    torn: tuple[Checkpoint, ...]


def list_checkpoints(folder: str) -> list[Checkpoint]:
    """Checkpoints in a folder and those below it, by step.

    Args:
        folder: on any file system of `tf.io.gfile`; it need not exist.
    """
    found = []
    for inside, _, names in tf.io.gfile.walk(folder):
        for name in names:
            match = _INDEX.match(name)
            if match:
                found.append(
                    Checkpoint(int(match["step"]), f"{inside.rstrip('/')}/{match['stem']}")
                )
    return sorted(found)


def is_whole(checkpoint: Checkpoint) -> bool:
    """Reads every tensor of a checkpoint; whether all of them are there and undamaged."""
    try:
        reader = tf.train.load_checkpoint(checkpoint.prefix)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError):
        return False  # Which of them it is depends on what is damaged.
    return True


def recover(folder: str) -> Recovery:
    """Makes the newest whole checkpoint of each folder the one that is restored.

    Those newer than it, which are torn, are removed, and so is what a writer that was
    killed has left. Nobody may be writing.

    Args:
        folder: the training's folder, with all below it.
    """
    _remove_unfinished(folder)
    by_folder: dict[str, list[Checkpoint]] = {}
    for checkpoint in list_checkpoints(folder):
        by_folder.setdefault(checkpoint.folder, []).append(checkpoint)
    latest, torn = [], []
    for inside, checkpoints in by_folder.items():
        while checkpoints and not is_whole(checkpoints[-1]):
            torn.append(checkpoints.pop())
            remove_checkpoint(torn[-1])
        if checkpoints:
            latest.append(checkpoints[-1])
            _restore_from(checkpoints)
        elif tf.io.gfile.exists(f"{inside}/{_STATE}"):
            tf.io.gfile.remove(f"{inside}/{_STATE}")
    return Recovery(max(latest, default=None), tuple(torn))


def remove_checkpoint(checkpoint: Checkpoint) -> None:
    """Removes a checkpoint's files, the index last: without it the rest is not found."""
    paths = tf.io.gfile.glob(f"{checkpoint.prefix}.*")
    for path in sorted(paths, key=lambda path: path.endswith(".index")):
        tf.io.gfile.remove(path)


def _restore_from(checkpoints: list[Checkpoint]) -> None:
    """Writes the file `checkpoint` unless it names the last of these already."""
    latest, inside = checkpoints[-1], checkpoints[-1].folder
    # A torn one is not read: it is written anew.
    with contextlib.suppress(tf.errors.OpError, ValueError):
        if tf.train.latest_checkpoint(inside) == latest.prefix:
            return
    stems = [os.path.basename(checkpoint.prefix) for checkpoint in checkpoints]  # noqa: PTH119
    lines = [f'model_checkpoint_path: "{stems[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{stem}"' for stem in stems]
    with tf.io.gfile.GFile(f"{inside}/{_STATE}.new", "w") as file:
        file.write("\n".join(lines) + "\n")
    tf.io.gfile.rename(f"{inside}/{_STATE}.new", f"{inside}/{_STATE}", overwrite=True)


def _remove_unfinished(folder: str) -> None:
    for inside, folders, names in list(tf.io.gfile.walk(folder)):
        for name in names:
            part = _PART.match(name)
            if _UNFINISHED.search(name) or (part and f"{part['stem']}.index" not in names):
                tf.io.gfile.remove(f"{inside}/{name}")
        for name in folders:
            if _UNFINISHED.search(name) and tf.io.gfile.exists(f"{inside}/{name}"):
                tf.io.gfile.rmtree(f"{inside}/{name}")
