"""The SavedModel that a path, a version or a model's number means."""

from __future__ import annotations

import os
import pathlib

from tfx_estimators.components.saved_model import EXAMPLES_FOLDER
from tfx_estimators.errors import MissingFilesError
from tfx_estimators.lineage.models import find_model
from tfx_estimators.lineage.store import open_store

__all__ = ["find_saved_model"]

_FILE = "saved_model.pb"
_SERVING_FOLDER = "Format-Serving"


def find_saved_model(name: str, metadata: str | None = None) -> str:
    """Finds a model's folder.

    Args:
        name: the folder of a SavedModel, of a Model artifact, or of versions, of which the
            newest is taken; or what `lineage.models.find_model` takes: a model's number, the
            beginning of its digest, or a pushed version.
        metadata: the store to ask where there is no such folder.

    Raises:
        MissingFilesError: if there is no such folder, or the model's files are gone.
        NotInMetadataError: if ML Metadata knows no such model.
    """
    folder = pathlib.Path(name)
    if folder.is_dir():
        found = _in_folder(folder)
        if found is None:
            raise MissingFilesError(
                f"there is no SavedModel in {folder}",
                expected="the folder of a model, or of versions of one",
                fix="check the path; tfx-estimators models lists models",
            )
        return str(found)
    if metadata is None:
        raise MissingFilesError(
            f"there is no folder {name}, and no metadata to ask for a model {name!r}",
            expected="a model's folder, or a version that was pushed from here",
            fix="check the path, or pass --metadata",
        )
    uri = find_model(open_store(metadata), name).uri
    found = _in_folder(pathlib.Path(uri)) if os.path.isdir(uri) else None  # noqa: PTH112
    if found is None:
        raise MissingFilesError(
            f"the model {name!r} was in {uri}, where no SavedModel is any more",
            expected="a model whose files are kept",
            fix="name a version that was pushed by its folder",
        )
    return str(found)


def _in_folder(folder: pathlib.Path) -> pathlib.Path | None:
    versions = [path for path in folder.iterdir() if path.name.isdecimal()]
    newest_first = sorted(versions, key=lambda path: int(path.name), reverse=True)
    for place in (folder, folder / EXAMPLES_FOLDER, folder / _SERVING_FOLDER, *newest_first):
        if (place / _FILE).is_file():
            return place
    return None
