"""Creates the tables of an SQLite store: one process does, the others wait.

ML Metadata drops and makes tables when it finds a file without any. Of several processes
that did so at once, one may take away what another has just written.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import random
import time
from collections.abc import Callable, Iterator

from tfx_estimators.errors import MetadataStoreError

__all__ = ["make_once"]

_SECONDS_BETWEEN_TRIES = 0.05


def make_once(
    file: pathlib.Path, is_made: Callable[[], bool], make: Callable[[], object], seconds: float
) -> None:
    """Makes the tables unless another process has done it meanwhile.

    Args:
        file: the SQLite file, there or not; its folder is there.
        is_made: looks whether the tables are there.
        make: makes them.
        seconds: how long to wait for another process.

    Raises:
        MetadataStoreError: if another process has not made them by then.
    """
    with _alone(file, seconds):
        if not is_made():
            make()


@contextlib.contextmanager
def _alone(file: pathlib.Path, seconds: float) -> Iterator[None]:
    # The folder is locked rather than a file in it: nothing is left behind, and there is
    # no name for a link to point elsewhere.
    descriptor = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _wait_for(descriptor, file, seconds)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, file: pathlib.Path, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise MetadataStoreError(
                    f"another process has been creating {file} for {seconds:g} s",
                    expected="a process that finishes",
                    fix="stop that process, or pass another place with --metadata",
                ) from error
        except OSError:
            return  # A file system whose folders cannot be locked, such as NFS.
        time.sleep(_SECONDS_BETWEEN_TRIES * random.uniform(0.5, 1.5))
