"""Checkpoints on disk: found, read to their end, and which of them is to be restored.

TensorFlow restores what the file `checkpoint` names, whole or not, and reads from it
only when a training starts. Here every checkpoint is found by its index, and one that
is known to be damaged is told from one that is whole: each tensor has a checksum. One
that cannot be read for another reason (rights, a disk, a bucket's token) is neither: that
is raised, and nothing is touched.

Names of files are those of `tf.compat.v1.train.Saver` and `tf.train.CheckpointManager`,
seen on TensorFlow 2.15, 2.16 and 2.21.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator, Sequence

import tensorflow as tf

from tfx_estimators.environment_variables import CHECKPOINTS
from tfx_estimators.errors import TrainingError, UnsupportedOptionError
from tfx_estimators.places import is_local
from tfx_estimators.whole_files import write_whole

__all__ = [
    "Checkpoint",
    "Recovery",
    "check_model_dir",
    "find_checkpoints",
    "is_whole",
    "list_checkpoints",
    "names_in",
    "recover",
    "remove_checkpoint",
]

_INDEX = re.compile(r"^(?P<stem>.*ckpt.*-(?P<step>\d+))\.index$")
_SHARD = r"data-\d{5}-of-\d{5}"
_FILE = re.compile(rf"^(?P<stem>.+)\.(?P<end>index|meta|{_SHARD})$")
# What a writer that was killed leaves, by the names that TensorFlow gives by itself: files
# that were not given their last name yet, ...
_STEM = r"(model\.)?ckpt-\d+"
_STAGED = re.compile(rf"^{_STEM}(\.part-\d{{5}}-of-\d{{5}})?\.(index|{_SHARD})\.tempstate\d+$")
_FOLDER = re.compile(rf"^{_STEM}_temp(_[0-9a-f]{{32}})?$")
_IN_FOLDER = re.compile(rf"^part-\d{{5}}-of-\d{{5}}\.(index|{_SHARD})(\.tempstate\d+)?$")
# ... and those that were, before the index.
_PART = re.compile(rf"^(?P<stem>{_STEM})\.({_SHARD}|meta)$")
_STATE = "checkpoint"
_TORN = ".torn"
_PATTERN = re.compile(r"[*?\[\]\\]")
# How TensorFlow says that the bytes it read are not those that were written.
_DAMAGE = (
    "checksum does not match",
    "checksum mismatch",
    "not an sstable",
    "too short to be an sstable",
    "perhaps the file is corrupt",
    "corrupted compressed block",
    "read less bytes than requested",
    "bad block",
    "truncated block",
)


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

    @property
    def stem(self) -> str:
        """The part of its files' names that they share, e.g. "model.ckpt-20"."""
        return self.prefix.rpartition("/")[2]


@dataclasses.dataclass(frozen=True)
class Recovery:
    """What was found in a training's folder.

    Attributes:
        latest: what is restored now; None if there is nothing to restore.
        torn: checkpoints that are damaged. Their files' names now end in ".torn", so that
            nothing takes them for checkpoints.
    """

    latest: Checkpoint | None
    torn: tuple[Checkpoint, ...]


def check_model_dir(folder: str) -> None:
    """Checks that TensorFlow can keep checkpoints in a folder and find them again.

    Raises:
        UnsupportedOptionError: if its path has characters that TensorFlow takes for a
            pattern: it would find none of its checkpoints there, and remove those of
            other folders.
    """
    if found := sorted(set(_PATTERN.findall(folder))):
        raise UnsupportedOptionError(
            f"checkpoints cannot be kept in {folder}: TensorFlow reads {' '.join(found)} in a "
            "path as a pattern",
            expected="a folder without * ? [ ] and \\ in its path",
            fix=f"name another checkpoint_store, or set {CHECKPOINTS}",
        )


def list_checkpoints(folder: str) -> list[Checkpoint]:
    """Checkpoints in a folder and those below it, by step; see `find_checkpoints`."""
    return sorted(find_checkpoints(folder))


def find_checkpoints(folder: str, *, below: bool = True) -> dict[Checkpoint, tuple[str, ...]]:
    """Checkpoints in a folder, with the paths of their files in order of name.

    Links to folders are not followed. Each folder is listed once.

    Args:
        folder: on any file system of `tf.io.gfile`; it need not exist.
        below: whether those of the folders below it are meant too.

    Raises:
        OSError, tf.errors.OpError: if a folder cannot be listed.
    """
    found: dict[Checkpoint, tuple[str, ...]] = {}
    top = folder.rstrip("/") or "/"
    for inside, _, names in _walk(top) if below else [(top, [], names_in(top))]:
        files: dict[str, list[str]] = {}
        for name in sorted(names):
            if match := _FILE.match(name):
                files.setdefault(match["stem"], []).append(f"{inside}/{name}")
        for name in names:
            if match := _INDEX.match(name):
                checkpoint = Checkpoint(int(match["step"]), f"{inside}/{match['stem']}")
                found[checkpoint] = tuple(files[match["stem"]])
    return found


def is_whole(checkpoint: Checkpoint) -> bool:
    """Reads every tensor of a checkpoint; whether all of them are there and undamaged.

    Raises:
        TrainingError: if it cannot be read, which says nothing of what it holds.
    """
    # Twice: what a file system said once it may not say again.
    for _ in range(2):
        error = _read(checkpoint)
        if error is None:
            return True
    assert error is not None
    if _says_damaged(checkpoint, error):
        return False
    raise TrainingError(
        f"the checkpoint {checkpoint.prefix} cannot be read: {error}",
        expected="files that this process can read; nothing was changed",
        fix="correct the cause (permissions, the disk, the bucket's credentials, open "
        "files: ulimit -n) and run again; to skip it, move its files elsewhere",
    ) from error


def recover(folder: str) -> Recovery:
    """Makes the newest whole checkpoint of each folder the one that is restored.

    Those newer than it, which are damaged, are renamed. What a writer that was killed has
    left is removed. Nobody may be writing. Links to folders are not followed.

    Args:
        folder: the training's folder, with all below it.

    Raises:
        TrainingError: if a checkpoint cannot be read.
        OSError, tf.errors.OpError: if a folder cannot be listed.
    """
    _remove_unfinished(folder)
    by_folder: dict[str, list[Checkpoint]] = {}
    for checkpoint in list_checkpoints(folder):
        by_folder.setdefault(checkpoint.folder, []).append(checkpoint)
    latest, torn = [], []
    for inside, checkpoints in by_folder.items():
        while checkpoints and not is_whole(checkpoints[-1]):
            torn.append(checkpoints.pop())
            _set_aside(torn[-1])
        if checkpoints:
            latest.append(checkpoints[-1])
            _restore_from(checkpoints)
        elif _STATE in names_in(inside):
            tf.io.gfile.remove(f"{inside}/{_STATE}")
    return Recovery(max(latest, default=None), tuple(torn))


def remove_checkpoint(checkpoint: Checkpoint) -> None:
    """Removes a checkpoint's files, the index last: without it the rest is not found."""
    for path in sorted(_paths(checkpoint), key=lambda path: path.endswith(".index")):
        # Suppressed: another one that removes checkpoints was quicker.
        with contextlib.suppress(tf.errors.NotFoundError):
            tf.io.gfile.remove(path)


def _paths(checkpoint: Checkpoint) -> list[str]:
    matches = (_FILE.match(name) for name in names_in(checkpoint.folder))
    return [f"{checkpoint.folder}/{m[0]}" for m in matches if m and m["stem"] == checkpoint.stem]


def _read(checkpoint: Checkpoint) -> Exception | None:
    """Reads a checkpoint to its end; the error, if there is one."""
    try:
        reader = tf.train.load_checkpoint(checkpoint.prefix)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, IndexError, OSError, RuntimeError, ValueError) as error:
        return error  # Which of them it is depends on what is wrong.
    return None


def _says_damaged(checkpoint: Checkpoint, error: Exception) -> bool:
    """Whether an error says that the files are not what was written.

    The class does not tell: readers give `OpError` with an unknown code for a false
    checksum and for missing rights alike.
    """
    said = str(error).lower()
    if any(text in said for text in _DAMAGE):
        return True
    # A shard that is gone, if the folder can be listed and does not have it.
    missing = "no such file" in said or "not found" in said or "failed to find any" in said
    return missing and not _has_all_shards(checkpoint)


def _has_all_shards(checkpoint: Checkpoint) -> bool:
    ends = [path[len(checkpoint.prefix) + 1 :] for path in _paths(checkpoint)]
    shards = [end for end in ends if end.startswith("data-")]
    totals = {int(name.rpartition("-")[2]) for name in shards}
    return any(
        sum(name.endswith(f"-of-{total:05}") for name in shards) >= total for total in totals
    )


def _set_aside(checkpoint: Checkpoint) -> None:
    """Renames a damaged checkpoint's files, the index last: until then it is found again."""
    taken = set(names_in(checkpoint.folder))
    for path in sorted(_paths(checkpoint), key=lambda path: path.endswith(".index")):
        name = f"{path.rpartition('/')[2]}{_TORN}"
        number = 1
        while (aside := name if number == 1 else f"{name}-{number}") in taken:
            number += 1
        tf.io.gfile.rename(path, f"{checkpoint.folder}/{aside}")


def _restore_from(checkpoints: list[Checkpoint]) -> None:
    """Writes the file `checkpoint` unless it names the last of these already."""
    latest, inside = checkpoints[-1], checkpoints[-1].folder
    # A damaged one is not read: it says no more than the names of the files do.
    with contextlib.suppress(tf.errors.OpError, ValueError):
        if tf.train.latest_checkpoint(inside) == latest.prefix:
            return
    stems = [os.path.basename(checkpoint.prefix) for checkpoint in checkpoints]  # noqa: PTH119
    lines = [f'model_checkpoint_path: "{stems[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{stem}"' for stem in stems]
    text = "\n".join(lines) + "\n"
    write_whole(f"{inside}/{_STATE}", text, tf.io.gfile.GFile, tf.io.gfile.rename)


def _remove_unfinished(folder: str) -> None:
    for inside, folders, names in list(_walk(folder)):
        for name in names:
            part = _PART.match(name)
            if _STAGED.match(name) or (part and f"{part['stem']}.index" not in names):
                tf.io.gfile.remove(f"{inside}/{name}")
        for name in folders:
            if _FOLDER.match(name) and all(map(_IN_FOLDER.match, names_in(f"{inside}/{name}"))):
                tf.io.gfile.rmtree(f"{inside}/{name}")


def _walk(top: str) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """Every folder below, with its folders and files; none if the top is not there.

    Links to folders are not followed, and named among neither. Raises what it cannot
    list, but for what is removed meanwhile.
    """
    pending = [top.rstrip("/") or "/"]
    while pending:
        inside = pending.pop()
        folders, names = [], []
        for name in names_in(inside):
            path = f"{inside.rstrip('/')}/{name}"
            if _is_folder(path):
                folders.append(name)
                pending.append(path)
            else:
                names.append(name)
        yield inside, folders, names


def names_in(folder: str) -> list[str]:
    """Names in a folder, in no order; none if it is not there.

    `tf.io.gfile` takes a folder that it cannot look at for one that is not there.

    Raises:
        OSError, tf.errors.OpError: if the folder cannot be listed.
    """
    if is_local(folder):
        try:
            return os.listdir(_plain(folder))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []
    try:
        return [name.rstrip("/") for name in tf.io.gfile.listdir(folder)]
    except tf.errors.NotFoundError:
        # Also said of a folder that it could not look at; stat raises why.
        with contextlib.suppress(tf.errors.NotFoundError):
            if tf.io.gfile.stat(folder).is_directory:
                raise
        return []


def _is_folder(path: str) -> bool:
    if is_local(path):
        plain = _plain(path)
        return os.path.isdir(plain) and not os.path.islink(plain)  # noqa: PTH112, PTH114
    if _FILE.match(path):
        return False  # Spares a request for each file of a checkpoint.
    try:
        return bool(tf.io.gfile.stat(path).is_directory)
    except tf.errors.NotFoundError:
        return False


def _plain(path: str) -> str:
    """A local path without `file://`."""
    return path.partition("://")[2] if "://" in path else path
