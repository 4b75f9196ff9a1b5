"""TFX's files on the local disk, without TensorFlow as long as nobody else has imported it.

TFX handles every path by `tf.io.gfile`. A run in which all steps are cached does nothing
else with TensorFlow, and would import it to make a few folders.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import os
import pathlib
import re
import stat
import sys
from typing import Any

from tfx.dsl.io import filesystem_registry
from tfx.dsl.io.filesystem import NotFoundError
from tfx.dsl.io.plugins.tensorflow_gfile import TensorflowFilesystem

__all__ = ["handle_local_files"]


def handle_local_files() -> None:
    """Registers the files of this module with TFX, before its own by TensorFlow."""
    filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY.register(
        _LocalFiles,
        priority=9,
        use_as_fallback=True,  # TFX's own has 10; lower goes first.
    )


def _is_local(path: Any) -> bool:
    return "tensorflow" not in sys.modules and "://" not in os.fsdecode(path)


@dataclasses.dataclass(frozen=True)
class _Stat:
    """TensorFlow's `FileStatistics`: bytes, the second of the last change, and the kind."""

    length: int
    mtime_nsec: int
    is_directory: bool


class _LocalFiles(TensorflowFilesystem):
    """TFX's own plugin, of which the questions that have one answer need no TensorFlow.

    It is also there for what else that plugin serves: files are copied at once between what
    one plugin serves.
    """

    @staticmethod
    def exists(path: Any) -> bool:
        if not _is_local(path):
            return bool(TensorflowFilesystem.exists(path))
        return os.path.exists(path)  # noqa: PTH110 (bytes, too)

    @staticmethod
    def isdir(path: Any) -> bool:
        if not _is_local(path):
            return bool(TensorflowFilesystem.isdir(path))
        return os.path.isdir(path)  # noqa: PTH112 (bytes, too)

    @staticmethod
    def stat(path: Any) -> Any:
        if not _is_local(path):
            return TensorflowFilesystem.stat(path)
        try:
            found = os.stat(path)  # noqa: PTH116 (bytes, too)
        except FileNotFoundError as error:
            raise NotFoundError from error
        return _Stat(found.st_size, int(found.st_mtime) * 10**9, stat.S_ISDIR(found.st_mode))

    @staticmethod
    def makedirs(path: Any) -> None:
        if not path or not _is_local(path):
            TensorflowFilesystem.makedirs(path)
        else:
            os.makedirs(path, exist_ok=True)  # noqa: PTH103 (bytes, too)

    @staticmethod
    def glob(pattern: Any) -> Any:
        if not _is_local(pattern) or not _PLAIN.fullmatch(os.fsdecode(pattern)):
            return TensorflowFilesystem.glob(pattern)
        return _matches(os.fsdecode(pattern))


# A folder, and names by `*` and `?`, hidden ones too. What else a pattern may hold does not
# mean the same to everybody.
_PLAIN = re.compile(r"(/[^/*?\[\]\\{}]+)+/(?!\.\.?$)[^/\[\]\\{}]+")


def _matches(pattern: str) -> list[str]:
    folder, _, name = pattern.rpartition("/")
    matching = re.compile(fnmatch.translate(name))
    if not pathlib.Path(folder).is_dir():
        return []
    names = sorted(path.name for path in pathlib.Path(folder).iterdir())
    return [f"{folder}/{name}" for name in names if matching.match(name)]
