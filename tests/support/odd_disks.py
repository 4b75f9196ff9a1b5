"""Files that cannot be removed, and disks that are full, where the system lets a test have them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence

import pytest

__all__ = ["on_a_small_disk", "unremovable"]


@contextlib.contextmanager
def unremovable(file: pathlib.Path) -> Iterator[None]:
    """Nobody can remove or change the file within the block, its owner and root included."""
    locked = ["chattr", "+i", str(file)]
    if not shutil.which("chattr") or subprocess.run(locked, capture_output=True).returncode:
        pytest.skip("chattr +i takes root, and a file system that knows it")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", str(file)], check=True)


def on_a_small_disk(
    folder: pathlib.Path, kilobytes: int, command: Sequence[str], **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command for which a folder is a disk of its own, of this size.

    Args:
        folder: an empty folder.
        kilobytes: a multiple of 4; a file takes at least 4.
        command: what to run.
        environment: further variables.
    """
    mounted = f"mount -t tmpfs -o size={kilobytes}k none {folder}"
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-r", "--mount"]
    if subprocess.run([*alone, "sh", "-c", mounted], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    return subprocess.run(
        [*alone, "sh", "-c", f'{mounted} && exec "$@"', "sh", *command],
        capture_output=True, text=True, env={**os.environ, **environment},
    )  # fmt: skip
