"""Ends of the process that a user's code asks for, made into exceptions that can be told of."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import NoReturn

__all__ = ["exits_raise"]


@contextlib.contextmanager
def exits_raise() -> Iterator[None]:
    """Has `os._exit` raise SystemExit for the length of a block, as `sys.exit` does.

    It would end the process with whatever code it is given, 0 included, and nobody would
    hear that the step did not come to its end. Processes that are forked inside the block
    may still end that way, and so may threads, which watch over the process.
    """
    leave, process = os._exit, os.getpid()

    def refuse(status: int) -> NoReturn:
        if os.getpid() != process or threading.current_thread() is not threading.main_thread():
            leave(status)
        raise SystemExit(status)

    os._exit = refuse
    try:
        yield
    finally:
        os._exit = leave
