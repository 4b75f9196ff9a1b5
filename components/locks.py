"""Locks that die with their holder, and leave nothing behind.

A lock is a file beside what it guards, held with `flock`. It is a file because network
file systems lock folders for no one. The holder removes it before letting go, so whoever
gets the lock of a file that is no longer there tries again on the one that is.

What is written into a lock must not land anywhere else: a link of its name, symbolic or
hard, is refused.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pathlib
import socket
import stat
import time
from collections.abc import Iterator

from tfx_estimators.errors import TfxEstimatorsError

__all__ = ["hold", "hold_if_free", "holder_of"]

_SECONDS_BETWEEN_TRIES = 0.02
_LONGEST_SIGNATURE = 500


@contextlib.contextmanager
def hold(
    file: pathlib.Path, seconds: float | None, error: type[TfxEstimatorsError]
) -> Iterator[None]:
    """Waits for a lock and holds it for the length of a block.

    Args:
        file: the lock.
        seconds: how long to wait; None for as long as it takes.
        error: what to raise when they are over.

    Raises:
        OSError: if the file cannot be made, is a link or no file, or its file system has no
            locks.
    """
    until = None if seconds is None else time.monotonic() + seconds
    while (descriptor := _try(file)) is None:
        if until is not None and time.monotonic() > until:
            raise error(
                f"{file} has been locked for {seconds:.0f} s by {holder_of(file)}",
                expected="a holder that finishes",
                fix="check that process; a lock is released as soon as its process ends",
            )
        time.sleep(_SECONDS_BETWEEN_TRIES)
    try:
        yield
    finally:
        _let_go(file, descriptor)


@contextlib.contextmanager
def hold_if_free(file: pathlib.Path) -> Iterator[bool]:
    """Holds a lock for the length of a block if nobody else does; yields whether."""
    descriptor = _try(file)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            _let_go(file, descriptor)


def _try(file: pathlib.Path) -> int | None:
    descriptor = _open(file)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), file.stat()):
                _sign(descriptor)
                return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _open(file: pathlib.Path) -> int:
    try:
        # For the owner alone: whoever may read a file may also lock it, for ever.
        descriptor = os.open(
            file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _no_lock(file, errno.ELOOP, "is a link") from error
        raise
    found = os.fstat(descriptor)
    # None at all: the holder before has removed it in this moment.
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise _no_lock(file, errno.EINVAL, "is not a file of its own")
    return descriptor


def _no_lock(file: pathlib.Path, number: int, what: str) -> OSError:
    return OSError(number, f"this lock {what}: remove it", str(file))


def _sign(descriptor: int) -> None:
    # For who waits; a disk so full that it does not fit locks all the same.
    with contextlib.suppress(OSError):
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _let_go(file: pathlib.Path, descriptor: int) -> None:
    with contextlib.suppress(OSError):
        file.unlink()
    os.close(descriptor)


def holder_of(file: pathlib.Path) -> str:
    """Who holds a lock, e.g. "process 17 on host"."""
    with contextlib.suppress(OSError):
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as text:
            return text.read(_LONGEST_SIGNATURE) or "another process"
    return "another process"
