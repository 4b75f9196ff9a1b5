"""The file operations that this package needs.

`components.gfile` has those for buckets; this room itself knows the local disk only.
"""

from __future__ import annotations

import errno
import os
import pathlib
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

__all__ = ["LOCAL", "Files", "LocalFiles"]


class Files(Protocol):
    """What is asked of a file system.

    Attributes:
        failures: what it raises where a file cannot be read or written.
    """

    failures: tuple[type[Exception], ...]

    def open(self, path: Any, mode: str) -> Any:
        """Opens a file."""

    def exists(self, path: Any) -> bool:
        """Whether there is such a file or folder."""

    def makedirs(self, path: Any) -> None:
        """Makes a folder and those above it; no error if it exists."""

    def remove(self, path: Any) -> None:
        """Removes a file."""

    def rename(self, src: Any, dst: Any, overwrite: bool) -> None:
        """Renames a file, at once where the file system can."""

    def walk(self, top: Any) -> Iterable[tuple[Any, Sequence[Any], Sequence[Any]]]:
        """Every folder below, with its folders and files."""


class LocalFiles:
    """`Files` on the local disk."""

    failures: tuple[type[Exception], ...] = (OSError,)

    def open(self, path: str, mode: str) -> Any:
        """Opens a file; to write, not through a link of its name.

        Raises:
            OSError: if it cannot be opened, or is a pipe or a device.
        """
        opener = _without_waiting if mode.startswith("r") else _not_through_a_link
        return open(path, mode, opener=opener)

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return pathlib.Path(path).exists()

    def makedirs(self, path: str) -> None:
        """Makes a folder and those above it."""
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)

    def remove(self, path: str) -> None:
        """Removes a file."""
        pathlib.Path(path).unlink()

    def rename(self, src: str, dst: str, overwrite: bool) -> None:
        """Renames a file in one step, having made sure that it is on the disk."""
        if not overwrite and pathlib.Path(dst).exists():
            raise FileExistsError(dst)
        with pathlib.Path(src).open("rb") as file:
            os.fsync(file.fileno())
        pathlib.Path(src).replace(dst)

    def walk(self, top: str) -> Iterator[tuple[str, list[str], list[str]]]:
        """Every folder below; raises what cannot be listed, unless it is gone."""
        return os.walk(top, onerror=_raise_unless_gone)


def _without_waiting(path: str, flags: int) -> int:
    # Opening a pipe would wait for somebody to write into it.
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a file", path)
    return descriptor


def _not_through_a_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


LOCAL = LocalFiles()
