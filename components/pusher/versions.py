"""Version folders: staged out of sight, then made visible with one rename.

A model server that watches the folder takes only names that are numbers for
versions, so a staging folder's name is not one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator

from tfx.dsl.io import fileio

from tfx_estimators.errors import PushError

__all__ = ["check_writable", "copy_tree", "publish", "staging_folder", "versions"]

_STAGING = ".staging-"
# Time enough to lock a staging folder after making it.
_SECONDS_BEFORE_SWEEP = 60.0


def versions(base: pathlib.Path) -> list[int]:
    """The versions in a folder, oldest first."""
    return sorted(int(path.name) for path in base.iterdir() if path.name.isdecimal())


def check_writable(base: pathlib.Path) -> None:
    """Makes sure that versions can be written, before any work is done.

    Raises:
        PushError: if the folder cannot be made or written to.
    """
    probe = base / f"{_STAGING}probe-{uuid.uuid4().hex}"
    try:
        base.mkdir(parents=True, exist_ok=True)
        probe.mkdir()
        probe.rmdir()
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
    folder = base / f"{_STAGING}{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        # After `publish` this name no longer exists.
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


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
                out.flush()
                os.fsync(out.fileno())
            copied(1)
    for folder, _, _ in os.walk(target):
        _sync_folder(pathlib.Path(folder))


def publish(staged: pathlib.Path, base: pathlib.Path) -> pathlib.Path:
    """Makes a staged model visible as the newest version.

    Args:
        staged: a folder on the same file system as `base`.
        base: the folder that holds the versions.

    Returns:
        The version's folder.
    """
    version = int(time.time())
    while True:
        version = max([version, *(newest + 1 for newest in versions(base)[-1:])])
        target = base / str(version)
        try:
            # Fails if another push has taken the version meanwhile: a rename
            # replaces an empty folder only, and no version is ever empty.
            staged.rename(target)
        except FileExistsError:
            continue
        except OSError as error:
            if target.exists():
                continue
            raise PushError(
                f"version {version} could not be put into {base}: {error}",
                expected="one file system for the folder and its hidden staging folder",
                fix=f"look at the folder: ls -la {base}",
            ) from error
        _sync_folder(base)
        return target


def _sweep(base: pathlib.Path) -> None:
    for left in base.glob(f"{_STAGING}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime < _SECONDS_BEFORE_SWEEP:
                continue
            descriptor = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(descriptor)


def _sync_folder(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
