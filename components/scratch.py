"""Temporary folders that never stay: the next process removes what a kill has left.

PARENT/PREFIX17-ab12/        the folder, readable by this user alone
PARENT/PREFIX17-ab12.lock    held while it is in use

Names are short: sockets may be made in such a folder, and their paths hold about a hundred
characters.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator

from tfx_estimators.components.locks import hold, hold_if_free
from tfx_estimators.errors import TfxEstimatorsError

__all__ = ["scratch_folder"]

_LOCK = ".lock"
_SECONDS_TO_WAIT = 60.0  # For a lock of a name that nobody else has.


@contextlib.contextmanager
def scratch_folder(
    parent: pathlib.Path, prefix: str, error: type[TfxEstimatorsError]
) -> Iterator[pathlib.Path]:
    """A new folder, removed at the end; those that killed processes have left go first.

    Args:
        parent: an existing folder.
        prefix: begins the names of all such folders in it, and of nothing else.
        error: what to raise if its lock is held by another process.

    Raises:
        OSError: if it cannot be made.
    """
    _sweep(parent, prefix)
    name = f"{prefix}{os.getpid()}-{uuid.uuid4().hex[:12]}"
    folder = parent / name
    with hold(parent / f"{name}{_LOCK}", _SECONDS_TO_WAIT, error):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: pathlib.Path, prefix: str) -> None:
    with os.scandir(parent) as entries:
        names = {e.name.removesuffix(_LOCK) for e in entries if e.name.startswith(prefix)}
    for name in names:
        # Suppressed: what somebody else has left may be for them alone to remove.
        with contextlib.suppress(OSError), hold_if_free(parent / f"{name}{_LOCK}") as dead:
            if dead:
                shutil.rmtree(parent / name, ignore_errors=True)
