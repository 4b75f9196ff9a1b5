"""Files where TensorFlow can reach them: buckets and other places with a scheme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tfx_estimators.lineage.files import LOCAL, Files

__all__ = ["files_for"]


def files_for(path: str) -> Files:
    """The local disk, or `tf.io.gfile` where a path has a scheme."""
    return _GFiles() if "://" in path else LOCAL


class _GFiles:
    """`Files` over `tf.io.gfile`."""

    def __init__(self) -> None:
        import tensorflow as tf

        self._gfile = tf.io.gfile
        self.failures: tuple[type[Exception], ...] = (OSError, tf.errors.OpError)

    def open(self, path: str, mode: str) -> Any:
        return self._gfile.GFile(path, mode)

    def exists(self, path: str) -> bool:
        return bool(self._gfile.exists(path))

    def makedirs(self, path: str) -> None:
        self._gfile.makedirs(path)

    def remove(self, path: str) -> None:
        self._gfile.remove(path)

    def rename(self, src: str, dst: str, overwrite: bool) -> None:
        self._gfile.rename(src, dst, overwrite=overwrite)

    def walk(self, top: str) -> Iterable[tuple[str, Sequence[str], Sequence[str]]]:
        found: Iterable[tuple[str, Sequence[str], Sequence[str]]] = self._gfile.walk(top)
        return found
