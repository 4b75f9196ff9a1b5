"""What a SavedModel's files hold, in one line.

The digest covers the files' names, sizes and bytes, nothing else: not their times, not
where they lie, not how they came there. Two exports of the same estimator are equal only
as far as TensorFlow writes equal bytes; it does not promise to, and from 2.12 on puts a
random number into `fingerprint.pb`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = [
    "PUSH_RECORD",
    "FileDigest",
    "hash_file",
    "hash_model",
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


def list_files(folder: str) -> dict[str, int]:
    """Sizes in bytes of a model's files, by path relative to `folder`.

    Args:
        folder: on any file system that TensorFlow reads.
    """
    return {name: _size(f"{folder}/{name}") for name in _names(folder) if name != PUSH_RECORD}


def open_file(path: str) -> Any:
    """Opens a file to read its bytes, on any file system that TensorFlow reads."""
    if "://" not in path:
        return pathlib.Path(path).open("rb")
    import tensorflow as tf

    return tf.io.gfile.GFile(path, "rb")


def hash_file(path: str) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def hash_model(folder: str) -> dict[str, FileDigest]:
    """Reads a model; its files' digests by path relative to `folder`."""
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


def _names(folder: str) -> Iterator[str]:
    for inside, names in _walk(folder):
        for name in names:
            yield os.path.normpath(os.path.join(os.path.relpath(inside, folder), name))  # noqa: PTH118


def _walk(folder: str) -> Iterator[tuple[str, list[str]]]:
    if "://" not in folder:
        for inside, _, names in os.walk(folder, followlinks=True):
            yield inside, names
        return
    import tensorflow as tf

    for inside, _, names in tf.io.gfile.walk(folder):
        yield inside, names


def _size(path: str) -> int:
    if "://" not in path:
        return pathlib.Path(path).stat().st_size
    import tensorflow as tf

    return int(tf.io.gfile.stat(path).length)
