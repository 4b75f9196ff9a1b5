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
from collections.abc import Callable, Iterator

from tfx.dsl.io import fileio

from tfx_estimators.components.locks import hold, hold_if_free
from tfx_estimators.components.pusher.manifest import version_digest
from tfx_estimators.errors import PushError

__all__ = ["check_writable", "copy_tree", "find_same", "publish", "staging_folder", "versions"]

_STAGING = ".staging-"
_REMOVED = ".removed-"
_LOCK = ".lock"
_PUSH_LOCK = ".push.lock"
# Others hold it for as long as it takes to read the newest version.
_SECONDS_TO_WAIT = 600.0


def versions(base: pathlib.Path) -> list[int]:
    """The versions in a folder, oldest first."""
    return sorted(int(path.name) for path in base.iterdir() if path.name.isdecimal())


def check_writable(base: pathlib.Path) -> None:
    """Makes sure that versions can be written, before any work is done.

    Raises:
        PushError: if the folder cannot be made or written to.
    """
    probe = base / f"{_REMOVED}probe-{uuid.uuid4().hex}"
    try:
        base.mkdir(parents=True, exist_ok=True)
        probe.mkdir()
        with contextlib.suppress(FileNotFoundError):
            probe.rmdir()  # Another push may have cleaned up meanwhile.
    except OSError as error:
        raise PushError(
            f"the push destination {base} cannot be written: {error}",
            expected="a folder that this process may create and write",
            fix=f"correct push_destination, or the rights: ls -ld {base}",
        ) from error


@contextlib.contextmanager
def staging_folder(base: pathlib.Path) -> Iterator[pathlib.Path]:
    """A hidden folder beside the versions, removed at the end if it is still there.

    What pushes that were killed have left is removed too; a lock tells it from the
    staging folder of a push that is under way.
    """
    _sweep(base)
    name = f"{_STAGING}{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
    folder = base / name
    with hold(base / f"{name}{_LOCK}", _SECONDS_TO_WAIT, PushError):
        folder.mkdir()
        try:
            yield folder
        finally:
            # After `publish` this name no longer exists.
            shutil.rmtree(folder, ignore_errors=True)


def copy_tree(source: str, target: pathlib.Path, copied: Callable[[int], None]) -> None:
    """Copies a folder and makes sure that it is on the disk.

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


def find_same(base: pathlib.Path, digest: str) -> pathlib.Path | None:
    """The newest version, if it is whole and holds this SavedModel.

    Older ones do not count: whoever pushes a model wants it to be the newest.
    """
    for newest in versions(base)[-1:]:
        folder = base / str(newest)
        if folder.is_dir() and version_digest(str(folder)) == digest:
            return folder
    return None


def publish(
    staged: pathlib.Path, base: pathlib.Path, digest: str, keep: int | None = None
) -> tuple[pathlib.Path, bool]:
    """Makes a staged model visible as the newest version, unless it is that already.

    Args:
        staged: a folder on the same file system as `base`.
        base: the folder that holds the versions.
        digest: of the staged SavedModel.
        keep: how many versions may be there afterwards; None for all.

    Returns:
        The version's folder, and whether it is a new one.

    Raises:
        PushError: if it cannot be put there, or another push holds the lock for long.
    """
    _sync_tree(staged)
    with hold(base / _PUSH_LOCK, _SECONDS_TO_WAIT, PushError):
        folder = find_same(base, digest)
        new = folder is None
        if folder is None:
            folder = _rename(staged, base)
        _remove_old(base, keep)
    return folder, new


def _rename(staged: pathlib.Path, base: pathlib.Path) -> pathlib.Path:
    version = int(time.time())
    while True:
        # Two pushes in one second, or a clock that was set back: still one higher.
        version = max([version, *(newest + 1 for newest in versions(base)[-1:])])
        target = base / str(version)
        try:
            # Fails if something else, which knows no lock, has put the version there
            # meanwhile: a rename replaces an empty folder only.
            staged.rename(target)
        except OSError as error:
            if target.exists():
                continue
            raise PushError(
                f"version {version} could not be put into {base}: {error}",
                expected="one file system for the folder and its hidden staging folder",
                fix=f"look at the folder: ls -la {base}",
            ) from error
        _sync(base)
        return target


def _remove_old(base: pathlib.Path, keep: int | None) -> None:
    if keep is None:
        return
    for version in versions(base)[:-keep]:
        # Out of sight at once, so that nobody finds half of it.
        hidden = base / f"{_REMOVED}{version}-{uuid.uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):
            (base / str(version)).rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)


def _sweep(base: pathlib.Path) -> None:
    for left in base.glob(f"{_REMOVED}*"):
        shutil.rmtree(left, ignore_errors=True)
    for name in {left.name.removesuffix(_LOCK) for left in base.glob(f"{_STAGING}*")}:
        # Suppressed: what somebody else has left may be for them alone to remove.
        with contextlib.suppress(OSError), hold_if_free(base / f"{name}{_LOCK}") as dead:
            if dead:
                shutil.rmtree(base / name, ignore_errors=True)


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
