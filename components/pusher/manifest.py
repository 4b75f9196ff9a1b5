"""What a version says of itself: which SavedModel it is, file by file.

Lies inside of the version, where servers do not look, and becomes visible with it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.model_digest import (
    PUSH_RECORD,
    FileDigest,
    hash_model,
    list_files,
    model_digest,
)
from tfx_estimators.json_text import dumps

__all__ = ["Manifest", "is_whole", "read_manifest", "version_digest", "write_manifest"]

_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A version's content and where it came from.

    Attributes:
        files: by path relative to the version's folder.
        model_uri: uri of the Model artifact that was pushed.
        pipeline: name of the pipeline that pushed it.
        run: the pipeline's run.
        wall_time: when it was pushed, in seconds since 1970 (UTC).
        rolled_back_to: the version whose content this is, if a rollback made it.
    """

    files: Mapping[str, FileDigest]
    model_uri: str
    pipeline: str
    run: str
    wall_time: float
    rolled_back_to: int | None = None

    @property
    def digest(self) -> str:
        """The SavedModel's, as `model_digest` gives it."""
        return model_digest(self.files)


def write_manifest(folder: str, manifest: Manifest) -> None:
    """Writes it into the folder of a SavedModel."""
    files = files_for(folder)
    path = f"{folder}/{PUSH_RECORD}"
    files.makedirs(path.rpartition("/")[0])
    text = dumps({"format": _FORMAT, "digest": manifest.digest, **dataclasses.asdict(manifest)})
    with files.open(path, "w") as file:
        file.write(text)


def read_manifest(folder: str) -> Manifest | None:
    """Reads it; None if the version has none, or none that can be read."""
    files = files_for(folder)
    path = f"{folder}/{PUSH_RECORD}"
    if not files.exists(path):
        return None
    try:
        with files.open(path, "r") as file:
            fields: dict[str, Any] = json.loads(file.read())
        if fields.pop("format") != _FORMAT:
            return None
        fields.pop("digest")
        fields["files"] = {name: FileDigest(**one) for name, one in fields["files"].items()}
        return Manifest(**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def version_digest(folder: str) -> str | None:
    """Digest of what a version holds now; None if that is not what it says it holds.

    Reads the whole version. One that something else has put there, and that says
    nothing, is believed.
    """
    try:
        found = hash_model(folder)
    except FileNotFoundError:
        return None  # Removed meanwhile, by a push that keeps fewer.
    manifest = read_manifest(folder)
    if not found or (manifest is not None and dict(manifest.files) != found):
        return None
    return model_digest(found)


def is_whole(folder: str, manifest: Manifest) -> bool:
    """Whether a version has the files it says, of the sizes it says; reads none of them."""
    return list_files(folder) == {name: file.size for name, file in manifest.files.items()}
