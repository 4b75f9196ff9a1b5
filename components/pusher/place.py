"""Where versions go, and how a model gets there."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable
from typing import Protocol

from tfx_estimators.components.pusher.bucket import Bucket
from tfx_estimators.components.pusher.versions import Folder
from tfx_estimators.components.tree import copy_tree

__all__ = ["Place", "Publish", "copy_tree", "place_of"]

Publish = Callable[[pathlib.Path, str, int | None], tuple[str, bool]]
"""As `Place.publish`, for whoever has the turn."""


class Place(Protocol):
    """A folder of versions.

    Attributes:
        base: its path, absolute or with a scheme.
    """

    base: str

    def versions(self) -> list[int]:
        """The versions in it, oldest first; none if it does not exist.

        A version is a folder with a version's name (`numbers`) that holds a SavedModel.

        Raises:
            PushError: if it cannot be listed.
        """

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

    def turn(self) -> contextlib.AbstractContextManager[Publish]:
        """Nobody else adds or removes a version meanwhile; gives what publishes one.

        Raises:
            PushError: if another push holds the lock for long.
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
