"""Version folders: staged out of sight, then made visible with one rename.

    SERVING/1763900000/             a version: a SavedModel and its manifest
    SERVING/.staging-host-17-ab12/  a push under way, or what is left of one
    SERVING/.staging-host-17-ab12.lock   held while it is under way
    SERVING/.push.lock              held while a version is made visible or removed

A model server that watches the folder takes only names that are numbers for
versions, so it sees none of the rest.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import time
import uuid
from collections.abc import Iterator

from tfx_estimators.components.locks import hold, hold_if_free
from tfx_estimators.components.pusher.manifest import version_digest
from tfx_estimators.errors import PushError

__all__ = ["Folder"]

_STAGING = ".staging-"
_REMOVED = ".removed-"
_LOCK = ".lock"
_PUSH_LOCK = ".push.lock"
# Others hold it for as long as it takes to read the newest version.
_SECONDS_TO_WAIT = 600.0


class Folder:
    """A folder of versions on a file system with renames and locks; a `Place`.

    Args:
        base: the folder.
    """

    def __init__(self, base: str) -> None:
        self.base = str(pathlib.Path(base).expanduser().absolute())
        self._base = pathlib.Path(self.base)

    def versions(self) -> list[int]:
        """See `Place`."""
        if not self._base.is_dir():
            return []
        return sorted(int(path.name) for path in self._base.iterdir() if path.name.isdecimal())

    def check_writable(self) -> None:
        """See `Place`."""
        probe = self._base / f"{_REMOVED}probe-{uuid.uuid4().hex}"
        try:
            self._base.mkdir(parents=True, exist_ok=True)
            probe.mkdir()
            with contextlib.suppress(FileNotFoundError):
                probe.rmdir()  # Another push may have cleaned up meanwhile.
        except OSError as error:
            raise PushError(
                f"the push destination {self.base} cannot be written: {error}",
                expected="a folder that this process may create and write",
                fix=f"correct push_destination, or the rights: ls -ld {self.base}",
            ) from error

    @contextlib.contextmanager
    def staging(self) -> Iterator[pathlib.Path]:
        """See `Place`.

        What pushes that were killed have left is removed too; a lock tells it from the
        staging folder of a push that is under way.
        """
        self._sweep()
        name = f"{_STAGING}{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
        folder = self._base / name
        with hold(self._base / f"{name}{_LOCK}", _SECONDS_TO_WAIT, PushError):
            folder.mkdir()
            try:
                yield folder
            finally:
                # After `publish` this name no longer exists.
                shutil.rmtree(folder, ignore_errors=True)

    def find_same(self, digest: str) -> str | None:
        """See `Place`."""
        for newest in self.versions()[-1:]:
            folder = f"{self.base}/{newest}"
            if version_digest(folder) == digest:
                return folder
        return None

    def publish(
        self, staged: pathlib.Path, digest: str, keep: int | None = None
    ) -> tuple[str, bool]:
        """See `Place`."""
        _sync_tree(staged)
        with hold(self._base / _PUSH_LOCK, _SECONDS_TO_WAIT, PushError):
            folder = self.find_same(digest)
            new = folder is None
            if folder is None:
                folder = self._rename(staged)
            self._remove_old(keep)
        return folder, new

    def _rename(self, staged: pathlib.Path) -> str:
        version = int(time.time())
        while True:
            # Two pushes in one second, or a clock that was set back: still one higher.
            version = max([version, *(newest + 1 for newest in self.versions()[-1:])])
            target = self._base / str(version)
            try:
                # Fails if something else, which knows no lock, has put the version there
                # meanwhile: a rename replaces an empty folder only.
                staged.rename(target)
            except OSError as error:
                if target.exists():
                    continue
                raise PushError(
                    f"version {version} could not be put into {self.base}: {error}",
                    expected="one file system for the folder and its hidden staging folder",
                    fix=f"look at the folder: ls -la {self.base}",
                ) from error
            _sync(self._base)
            return str(target)

    def _remove_old(self, keep: int | None) -> None:
        if keep is None:
            return
        for version in self.versions()[:-keep]:
            # Out of sight at once, so that nobody finds half of it.
            hidden = self._base / f"{_REMOVED}{version}-{uuid.uuid4().hex}"
            with contextlib.suppress(FileNotFoundError):
                (self._base / str(version)).rename(hidden)
            shutil.rmtree(hidden, ignore_errors=True)

    def _sweep(self) -> None:
        for left in self._base.glob(f"{_REMOVED}*"):
            shutil.rmtree(left, ignore_errors=True)
        for name in {left.name.removesuffix(_LOCK) for left in self._base.glob(f"{_STAGING}*")}:
            lock = self._base / f"{name}{_LOCK}"
            # Suppressed: what somebody else has left may be for them alone to remove.
            with contextlib.suppress(OSError), hold_if_free(lock) as dead:
                if dead:
                    shutil.rmtree(self._base / name, ignore_errors=True)


def _sync_tree(folder: pathlib.Path) -> None:
    for inside, _, names in os.walk(folder):
        for name in names:
            _sync(pathlib.Path(inside, name))
        _sync(pathlib.Path(inside))


def _sync(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
