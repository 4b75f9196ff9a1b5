"""Folders outside a training's own into which it writes checkpoints.

A module may give its estimator a `model_dir` of its own. The training's folder in the
checkpoint store notes where that is, so that whoever looks there finds the checkpoints.
"""

from __future__ import annotations

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import DamagedFileError
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import read
from tfx_estimators.places import canonical, inside, same
from tfx_estimators.whole_files import write_whole

__all__ = ["MODEL_DIRS_FILE", "is_outside", "note_model_dir", "noted_model_dirs"]

MODEL_DIRS_FILE = "model_dirs.json"


def is_outside(folder: str, model_dir: str) -> bool:
    """Whether a model_dir is neither a training's folder nor below it."""
    return not same(folder, model_dir) and not inside(folder, model_dir)


def note_model_dir(folder: str, model_dir: str) -> None:
    """Notes a folder outside.

    Args:
        folder: the training's.
        model_dir: where its estimator writes.
    """
    noted = noted_model_dirs(folder)
    place = canonical(model_dir)
    if place in noted:
        return
    path, files = f"{folder}/{MODEL_DIRS_FILE}", files_for(folder)
    write_whole(path, dumps([*noted, place]), files.open, files.rename)


def noted_model_dirs(folder: str) -> list[str]:
    """What was noted; nothing where the note is damaged: the next training notes it anew."""
    path, files = f"{folder}/{MODEL_DIRS_FILE}", files_for(folder)
    if not files.exists(path):
        return []
    try:
        return read(path, list[str], files)
    except DamagedFileError:
        return []
