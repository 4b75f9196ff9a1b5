"""What became of processes whose numbers a test knows."""

from __future__ import annotations

import psutil

__all__ = ["has_ended"]


def has_ended(process: int) -> bool:
    """Whether a process is gone, or only its parent has not asked yet how it ended.

    A file in `/proc` may be gone between two looks, so it is not read here.
    """
    try:
        return bool(psutil.Process(process).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
