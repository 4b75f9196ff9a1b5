"""The digest of a SavedModel's files.

The digest covers the files' names, sizes and bytes, nothing else: not their times, not
where they lie, not how they came there. Two exports of the same estimator are equal only
as far as TensorFlow writes equal bytes; it does not promise to, and from 2.12 on puts a
random number into `fingerprint.pb`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterator, Mapping

from tfx_estimators.components.tree import open_file, walk_files

__all__ = [
    "PUSH_RECORD",
    "FileDigest",
    "hash_file",
    "hash_model",
    "iter_files",
    "list_files",
    "model_digest",
    "open_file",
]

# Where a SavedModel keeps what its graph does not read. Written by pushing, no content.
PUSH_RECORD = "assets.extra/tfx_estimators_push.json"

_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class FileDigest:
    """A file's content.

    Attributes:
        size: in bytes.
        sha256: in hexadecimal.
    """

    size: int
    sha256: str


def iter_files(folder: str) -> Iterator[tuple[str, int]]:
    """A model's files, one by one: the path relative to `folder`, the size in bytes.

    Args:
        folder: on any file system that TensorFlow reads.

    Raises:
        OSError: if something cannot be listed; in a bucket `tf.errors.OpError`.
        SavedModelError: if there is something that no model holds: pipes, links that lead
            back or nowhere.
    """
    return ((name, _size(f"{folder}/{name}")) for name in walk_files(folder) if name != PUSH_RECORD)


def list_files(folder: str) -> dict[str, int]:
    """All that `iter_files` gives."""
    return dict(iter_files(folder))


def hash_file(path: str) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def hash_model(folder: str) -> dict[str, FileDigest]:
    """Reads a model; its files' digests by path relative to `folder`.

    Raises:
        OSError, SavedModelError: as `iter_files` does, or if a file cannot be read.
    """
    sizes = list_files(folder)
    return {name: FileDigest(size, hash_file(f"{folder}/{name}")) for name, size in sizes.items()}


def model_digest(files: Mapping[str, FileDigest]) -> str:
    """The one line: a SHA-256, 64 hexadecimal digits, like the digests of checkpoints.

    Args:
        files: by path relative to the model's folder, as `hash_model` gives them.
    """
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        digest.update(f"{name}\0{file.size}\0{file.sha256}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _size(path: str) -> int:
    if "://" not in path:
        return pathlib.Path(path).stat().st_size
    import tensorflow as tf

    return int(tf.io.gfile.stat(path).length)
