"""Digests of what checkpoints contain, wherever they lie."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from tfx_estimators.errors import MissingFilesError
from tfx_estimators.lineage.files import LOCAL, Files

__all__ = ["checkpoint_digest", "checkpoint_files"]

_CHUNK = 1 << 20
_ENDS = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})")


def checkpoint_files(prefix: str, files: Files = LOCAL) -> list[str]:
    """The files of a checkpoint: its index, data shards and, if any, its graph.

    Args:
        prefix: e.g. "/store/model.ckpt-1200".
        files: the file system.

    Returns:
        Paths in order of name; none if the checkpoint is not there.
    """
    folder, _, stem = prefix.rpartition("/")
    if not files.exists(folder or "."):
        return []
    for _, _, names in files.walk(folder or "."):
        texts = [name.decode() if isinstance(name, bytes) else str(name) for name in names]
        found = [
            n for n in texts if n.startswith(stem) and _ENDS.fullmatch(n, len(stem)) is not None
        ]
        return [f"{folder}/{name}" if folder else name for name in sorted(found)]
    return []


def checkpoint_digest(prefix: str, files: Files = LOCAL, paths: Sequence[str] | None = None) -> str:
    """SHA-256 of a checkpoint's variables: of its index and data shards.

    The graph (`.meta`) is left out: it holds no variable, and names in it depend on the
    process that wrote it. The prefix itself is left out too, so a copy has the same digest.

    Args:
        prefix: e.g. "/store/model.ckpt-1200".
        files: the file system.
        paths: of its files in order of name, where they are known; else its folder is listed.

    Raises:
        MissingFilesError: if there is no such checkpoint.
    """
    listed = checkpoint_files(prefix, files) if paths is None else paths
    paths = [path for path in listed if not path.endswith(".meta")]
    if not any(path.endswith(".index") for path in paths):
        raise MissingFilesError(
            f"there is no checkpoint {prefix}",
            expected=f"{prefix}.index and {prefix}.data-*",
            fix="tfx-estimators checkpoints lists those that are kept",
        )
    return _digest([(path[len(prefix) :], path) for path in paths], files)


def _digest(named: list[tuple[str, str]], files: Files) -> str:
    whole = hashlib.sha256()
    for name, path in named:
        one = hashlib.sha256()
        with files.open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                one.update(chunk)
        # Digests have one length, so no name can be taken for contents.
        whole.update(hashlib.sha256(name.encode()).digest() + one.digest())
    return whole.hexdigest()
