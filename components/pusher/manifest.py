"""What a version says of itself: which SavedModel it is, file by file.

Lies inside of the version, where servers do not look, and becomes visible with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge, Lt

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.model_digest import (
    PUSH_RECORD,
    FileDigest,
    hash_model,
    iter_files,
    model_digest,
)
from tfx_estimators.components.pusher.numbers import LARGEST
from tfx_estimators.components.tree import open_file
from tfx_estimators.errors import DamagedFileError, PushError, SavedModelError
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import Seconds, parse

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
    wall_time: Seconds
    rolled_back_to: Annotated[int, Ge(1), Lt(LARGEST)] | None = None

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
    """Reads it; None if the version has none, as one that another pusher has pushed.

    Raises:
        PushError: if there is one and it cannot be read, is torn, or is of another format.
            What the version holds is not known then.
    """
    path = f"{folder}/{PUSH_RECORD}"
    try:
        if "://" in path and not files_for(path).exists(path):
            return None
        with open_file(path) as file:
            content: bytes = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception as error:  # `tf.errors.OpError` is no OSError, and TensorFlow not imported.
        raise _unreadable(path, str(error)) from error
    return _parse(content, path)


def version_digest(folder: str) -> str | None:
    """Digest of what a version holds now; None if that is not what it says it holds.

    Reads the whole version. One that something else has put there, and that says
    nothing, is believed; one whose manifest cannot be read is not.
    """
    try:
        manifest = read_manifest(folder)
        if manifest is not None and not is_whole(folder, manifest):
            return None
        found = hash_model(folder)
    except (FileNotFoundError, PushError, SavedModelError):
        return None  # Removed meanwhile, by a push that keeps fewer; or no model at all.
    if not found or (manifest is not None and dict(manifest.files) != found):
        return None
    return model_digest(found)


def is_whole(folder: str, manifest: Manifest) -> bool:
    """Whether a version has the files it says, of the sizes it says; reads none of them.

    Raises:
        OSError: if it cannot be listed.
    """
    missing = {name: file.size for name, file in manifest.files.items()}
    try:
        # One by one: a link may lead to a large tree, of which the first file will do.
        for name, size in iter_files(folder):
            if missing.pop(name, None) != size:
                return False
    except (FileNotFoundError, SavedModelError):
        return False
    return not missing


def _parse(content: bytes, path: str) -> Manifest:
    try:
        head = parse(content, _Head, path)
        if head.format != _FORMAT:
            raise _unreadable(path, f"its format is {head.format}, not {_FORMAT}")
        manifest = parse(content, Manifest, path)
    except DamagedFileError as error:
        raise _unreadable(path, str(error).partition("\n")[0]) from error
    if manifest.digest != head.digest:
        raise _unreadable(path, "its digest does not match the files that it lists")
    return manifest


@dataclasses.dataclass(frozen=True)
class _Head:
    """What is written beside a manifest's fields."""

    format: int
    digest: str


def _unreadable(path: str, why: str) -> PushError:
    return PushError(
        f"the manifest {path} cannot be read: {why}",
        expected="the manifest that was written when the version was pushed",
        fix="go back to another version (--to VERSION), or push the model again",
    )
