"""One temporary folder for all that a run makes: the next run removes what a kill has left.

TFX, Beam and TensorFlow leave modules, staged files and generated code in the temporary
place when they are killed.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

from tfx_estimators.components.scratch import scratch_folder
from tfx_estimators.errors import PipelineError

__all__ = ["temporary_folder"]

_PREFIX = "tfx-estimators-run-"
_VARIABLE = "TMPDIR"
# A socket's path has 104 characters at most, and Python puts 36 below the temporary place.
_LONGEST = 64


@contextlib.contextmanager
def temporary_folder() -> Iterator[None]:
    """Has this process, and those that it starts, use a new temporary folder for a block.

    Where none can be made, or its path is too long for sockets, nothing changes.
    """
    with contextlib.ExitStack() as stack:
        # Suppressed: whoever needs a temporary file says so.
        with contextlib.suppress(OSError):
            place = pathlib.Path(tempfile.gettempdir())
            folder = stack.enter_context(scratch_folder(place, _PREFIX, PipelineError))
            if len(str(folder)) <= _LONGEST:
                stack.enter_context(_used(folder))
        yield


@contextlib.contextmanager
def _used(folder: pathlib.Path) -> Iterator[None]:
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(folder)
    tempfile.tempdir = None  # Python asks the environment once.
    try:
        yield
    finally:
        tempfile.tempdir = None
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before
