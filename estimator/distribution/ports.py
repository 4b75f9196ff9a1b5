"""Ports of the loopback interface that nobody else takes before they are used.

A port that the system gives away as free may be given to somebody else before the process
that it is meant for listens on it. These lie below the range of ports that systems give
away, and trainings of one user agree among themselves by locks on one file.
"""

from __future__ import annotations

import fcntl
import functools
import os
import pathlib
import random
import socket
import tempfile
from collections.abc import Iterable

from tfx_estimators.errors import TrainingError

__all__ = ["release_ports", "reserve_ports"]

_PORTS = range(20_000, 32_000)

_reserved: set[int] = set()


def reserve_ports(count: int) -> list[int]:
    """Free ports, which this process holds until it releases them or ends.

    Args:
        count: how many.

    Raises:
        TrainingError: if there are not as many.
    """
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            break
        if _reserve(port):
            found.append(port)
    if len(found) < count:
        release_ports(found)
        raise TrainingError(
            f"{len(found)} ports from {_PORTS.start} to {_PORTS.stop - 1} are free",
            expected=f"{count}, one per process",
            fix="stop the processes that use them: ss -ltnp",
        )
    return found


def release_ports(ports: Iterable[int]) -> None:
    """Gives ports back."""
    for port in ports:
        if port in _reserved:
            _reserved.remove(port)
            fcntl.lockf(_lock_file(), fcntl.LOCK_UN, 1, port)


def _reserve(port: int) -> bool:
    # Such locks hold against other processes only.
    if port in _reserved:
        return False
    try:
        fcntl.lockf(_lock_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _reserved.add(port)
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            release_ports([port])
            return False
    return True


@functools.lru_cache(maxsize=1)
def _lock_file() -> int:
    """One file, a byte a port; open for as long as the process lives: closing unlocks."""
    path = pathlib.Path(tempfile.gettempdir()) / f"tfx-estimators-ports-{os.getuid()}.lock"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
