"""Copies a checkpoint into a folder that a training can start from."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from tfx_estimators.errors import (
    DigestMismatchError,
    MissingFilesError,
    NotInMetadataError,
    UnsupportedOptionError,
)
from tfx_estimators.lineage.checkpoints import RecordedCheckpoint
from tfx_estimators.lineage.digests import checkpoint_digest, checkpoint_files
from tfx_estimators.lineage.files import LOCAL, Files
from tfx_estimators.lineage.models import list_models
from tfx_estimators.lineage.store import Store

__all__ = ["find_export", "restore"]

_SERVING = "Format-Serving"
"""Where TFX has the SavedModel in a Model artifact."""


def restore(checkpoint: RecordedCheckpoint, folder: str, files: Files = LOCAL) -> str:
    """Copies a checkpoint, checks the copy and writes TensorFlow's `checkpoint` file last.

    If anything fails nothing of the copy is left.

    Args:
        checkpoint: from `checkpoints.find_checkpoint`.
        folder: made if it is not there; holds no other checkpoint.
        files: the file system of both.

    Returns:
        The copy's prefix, as `warm_start_from` or `tf.train.latest_checkpoint` give it.

    Raises:
        MissingFilesError: if the checkpoint's files are gone.
        UnsupportedOptionError: if the folder already holds a checkpoint, or cannot be made.
        DigestMismatchError: if the files are not those that were recorded.
    """
    folder = folder.rstrip("/") or "/"
    found = _files_of(checkpoint, files)
    stem = checkpoint.uri.rpartition("/")[2]
    state, prefix = f"{folder}/checkpoint", f"{folder}/{stem}"
    copies = {path: prefix + path[len(checkpoint.uri) :] for path in found}
    # The copies too: the folder may be the one that the checkpoint lies in.
    if any(files.exists(path) for path in (state, *copies.values())):
        raise UnsupportedOptionError(
            f"{folder} already holds a checkpoint",
            expected="an empty folder, or one that does not exist",
            fix="pass another folder",
        )
    try:
        files.makedirs(folder)
    except OSError as error:
        raise UnsupportedOptionError(
            f"{folder} cannot be made: {error.strerror}",
            expected="a folder, or a place where one can be created",
            fix="pass another folder",
        ) from error
    with contextlib.ExitStack() as undo:
        for path, copy in copies.items():
            with files.open(path, "rb") as source, _named(copy), files.open(copy, "wb") as target:
                undo.callback(files.remove, copy)
                shutil.copyfileobj(source, target, length=1 << 20)
        digest = checkpoint_digest(prefix, files)
        if digest != checkpoint.digest:
            raise DigestMismatchError(
                f"the files at {checkpoint.uri} have the digest {digest[:12]}",
                expected=f"{checkpoint.digest[:12]}, as recorded when they were written",
                fix="restore another checkpoint: these files were damaged or overwritten",
            )
        with files.open(state, "w") as file:
            file.write(f'model_checkpoint_path: "{stem}"\nall_model_checkpoint_paths: "{stem}"\n')
        undo.pop_all()
    return prefix


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """Has an error say which file it is of: of a full disk it does not, in the middle of one."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, path) from error


def find_export(store: Store, checkpoint: RecordedCheckpoint, files: Files = LOCAL) -> str:
    """The newest SavedModel that a checkpoint's training has exported, of any checkpoint.

    Args:
        store: the store.
        checkpoint: from `checkpoints.find_checkpoint`.
        files: the file system.

    Returns:
        The SavedModel's folder.

    Raises:
        MissingFilesError: if the checkpoint's files are gone.
        NotInMetadataError: if there is none.
    """
    _files_of(checkpoint, files)
    for model in list_models(store, limit=None):
        if model.fingerprint == checkpoint.fingerprint:
            folder = f"{model.uri.rstrip('/')}/{_SERVING}"
            # An exporter of the module's own puts it some folders below.
            for inside, _, names in files.walk(folder):
                if "saved_model.pb" in map(str, names):
                    return str(inside).rstrip("/")
    raise NotInMetadataError(
        f"the training {checkpoint.fingerprint[:12]} of checkpoint {checkpoint.id} has no "
        "exported model left",
        expected="a model of the same training, from any of its checkpoints",
        fix="finish the training, which exports one",
    )


def _files_of(checkpoint: RecordedCheckpoint, files: Files) -> list[str]:
    found = checkpoint_files(checkpoint.uri, files)
    if not found:
        raise MissingFilesError(
            f"the files of checkpoint {checkpoint.id} are gone from {checkpoint.uri}",
            expected="a checkpoint whose files are kept",
            fix=f"tfx-estimators checkpoints --fingerprint {checkpoint.fingerprint[:12]}",
        )
    return found
