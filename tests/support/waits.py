"""Waiting for what another process or thread does, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

__all__ = ["wait_until"]


def wait_until(so: Callable[[], Any]) -> None:
    """Returns once it is so; fails after five minutes."""
    end = time.monotonic() + 300
    while not so():
        assert time.monotonic() < end, "it never came so"
        time.sleep(0.05)
