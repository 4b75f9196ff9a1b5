"""Version folders: staged out of sight, then made visible with one rename.

    SERVING/1763900000/             a version: a SavedModel and its manifest
    SERVING/.staging-17-ab12/       a push under way, or what is left of one
    SERVING/.staging-17-ab12.lock   held while it is under way
    SERVING/.push.lock              held while a version is made visible or removed

A model server that watches the folder takes only names that are numbers for
versions, so it sees none of the rest.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator

from tfx_estimators.components.locks import hold
from tfx_estimators.components.pusher.afterwards import only_warns
from tfx_estimators.components.pusher.manifest import version_digest
from tfx_estimators.components.pusher.numbers import next_number, number_of
from tfx_estimators.components.scratch import scratch_folder
from tfx_estimators.components.tree import walk_tree
from tfx_estimators.errors import PushError

__all__ = ["Folder"]

_STAGING = ".staging-"
_REMOVED = ".removed-"
_PUSH_LOCK = ".push.lock"
_MARKERS = ("saved_model.pb", "saved_model.pbtxt")
# Others hold it for as long as it takes to read the newest version, or, when they go back,
# to copy one.
_SECONDS_TO_WAIT = 3600.0


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
        try:
            found = (number_of(name) for name in self._names())
            return sorted(number for number in found if number and self._has_model(number))
        except OSError as error:
            raise PushError(
                f"the versions in {self.base} cannot be read: {error}",
                expected="a folder of versions that this process can read",
                fix=f"correct the permissions: ls -la {self.base}",
            ) from error

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
                expected="a folder that this process can create and write to",
                fix=f"correct push_destination, or the permissions: ls -ld {self.base}",
            ) from error

    @contextlib.contextmanager
    def staging(self) -> Iterator[pathlib.Path]:
        """See `Place`.

        What pushes that were killed have left is removed too; a lock tells it from the
        staging folder of a push that is under way.
        """
        for left in self._base.glob(f"{_REMOVED}*"):
            _remove(left)
        # After `publish` its name no longer exists.
        with scratch_folder(self._base, _STAGING, PushError) as folder:
            yield folder

    def find_same(self, digest: str) -> str | None:
        """See `Place`."""
        for newest in self.versions()[-1:]:
            folder = f"{self.base}/{newest}"
            if version_digest(folder) == digest:
                return folder
        return None

    @contextlib.contextmanager
    def turn(self) -> Iterator[Callable[[pathlib.Path, str, int | None], tuple[str, bool]]]:
        """See `Place`."""
        with hold(self._base / _PUSH_LOCK, _SECONDS_TO_WAIT, PushError):
            yield self._publish

    def publish(
        self, staged: pathlib.Path, digest: str, keep: int | None = None
    ) -> tuple[str, bool]:
        """See `Place`."""
        _sync_tree(staged)  # Nobody has to wait for the disk.
        with self.turn() as publish:
            return publish(staged, digest, keep)

    def _publish(self, staged: pathlib.Path, digest: str, keep: int | None) -> tuple[str, bool]:
        folder = self.find_same(digest)
        new = folder is None
        if folder is None:
            _open_to_readers(staged)
            _sync_tree(staged)
            folder = self._rename(staged)
        with only_warns(f"older versions in {self.base} could not be removed"):
            self._remove_old(keep)
        return folder, new

    def _rename(self, staged: pathlib.Path) -> str:
        while True:
            # Two pushes in one second, or a clock that was set back: still one higher.
            target = self._base / str(next_number(self._names(), self.base))
            try:
                # Fails if something else, which knows no lock, has put the version there
                # meanwhile: a rename replaces an empty folder only.
                staged.rename(target)
            except OSError as error:
                if os.path.lexists(target):
                    continue
                raise PushError(
                    f"version {target.name} could not be put into {self.base}: {error}",
                    expected="one file system for the folder and its hidden staging folder",
                    fix=f"check the folder: ls -la {self.base}",
                ) from error
            with only_warns(f"{self.base} could not be written through to the disk"):
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
            _remove(hidden)

    def _names(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return os.listdir(self._base)  # noqa: PTH208
        return []

    def _has_model(self, number: int) -> bool:
        return any((self._base / str(number) / name).is_file() for name in _MARKERS)


def _open_to_readers(staged: pathlib.Path) -> None:
    """Gives a staging folder, so far the owner's alone, the rights of any new folder."""
    probe = staged / f"rights-{uuid.uuid4().hex}"
    probe.mkdir()
    rights = stat.S_IMODE(probe.stat().st_mode)
    probe.rmdir()
    staged.chmod(rights)


def _remove(path: pathlib.Path) -> None:
    """Removes a version's folder; of one that is a link, the link."""
    with contextlib.suppress(OSError):
        path.unlink() if path.is_symlink() else shutil.rmtree(path)


def _sync_tree(folder: pathlib.Path) -> None:
    for inside, names in walk_tree(str(folder)):
        for name in names:
            _sync(folder / inside / name)
        _sync(folder / inside)


def _sync(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
