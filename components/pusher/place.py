"""Where versions go, and how a model gets there."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
from collections.abc import Callable
from typing import Protocol

from tfx.dsl.io import fileio

from tfx_estimators.components.pusher.bucket import Bucket
from tfx_estimators.components.pusher.versions import Folder

__all__ = ["Place", "copy_tree", "place_of"]


class Place(Protocol):
    """A folder of versions.

    Attributes:
        base: its path, absolute or with a scheme.
    """

    base: str

    def versions(self) -> list[int]:
        """The versions in it, oldest first; none if it does not exist."""

    def check_writable(self) -> None:
        """Makes sure that versions can be written, before any work is done.

        Raises:
            PushError: if the folder cannot be made or written to.
        """

    def staging(self) -> contextlib.AbstractContextManager[pathlib.Path]:
        """A local folder that no reader sees, removed at the end."""

    def find_same(self, digest: str) -> str | None:
        """The newest version, if it is whole and holds this SavedModel.

        Older ones do not count: whoever pushes a model wants it to be the newest.
        """

    def publish(
        self, staged: pathlib.Path, digest: str, keep: int | None = None
    ) -> tuple[str, bool]:
        """Makes a staged model visible as the newest version, unless it is that already.

        Args:
            staged: the folder from `staging`.
            digest: of the SavedModel in it.
            keep: how many versions may be there afterwards; None for all.

        Returns:
            The version's folder, and whether it is a new one.

        Raises:
            PushError: if it cannot be put there, or another push holds the lock for long.
        """


def place_of(base: str) -> Place:
    """A bucket where there is a scheme, else a folder."""
    return Bucket(base) if "://" in base else Folder(base)


def copy_tree(source: str, target: pathlib.Path, copied: Callable[[int], None]) -> None:
    """Copies a folder.

    Args:
        source: folder on any file system that TFX reads.
        target: an existing, empty local folder.
        copied: called with 1 for each file copied.
    """
    for folder, _, names in fileio.walk(source):
        inside = target / os.path.relpath(str(folder), source)
        inside.mkdir(exist_ok=True)
        for name in names:
            with fileio.open(f"{folder}/{name}", "rb") as reader, (inside / name).open("wb") as out:
                shutil.copyfileobj(reader, out, length=1 << 20)
            copied(1)
