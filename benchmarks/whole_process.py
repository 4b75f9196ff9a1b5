"""What a process took, from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any, NamedTuple


class Used(NamedTuple):
    """What a process has used, its imports included.

    Attributes:
        wall: seconds from its start to its end.
        processor: seconds of processor time.
        peak_memory: megabytes.
    """

    wall: float
    processor: float
    peak_memory: float


def run_python(arguments: Sequence[Any], name: str) -> Used:
    """Runs Python with these arguments; ends this process if it fails.

    Args:
        arguments: of the interpreter.
        name: of what it does, for the message.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([sys.executable, *arguments], stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            said.seek(0)
            sys.exit(f"{name} failed:\n{said.read()[-3000:]}")
    wall = time.monotonic() - began
    return Used(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
