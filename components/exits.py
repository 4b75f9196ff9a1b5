"""Ends of the process that a user's code asks for, made into exceptions that can be told of."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

__all__ = ["exits_fail", "exits_raise"]


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


@contextlib.contextmanager
def exits_fail(error: Callable[[Any], Exception]) -> Iterator[None]:
    """Takes an attempt of a block to end this process for the error that it is.

    Args:
        error: makes what is raised instead of SystemExit, of the code that the exit was given.
    """
    try:
        with exits_raise():
            yield
    except SystemExit as end:
        raise error(end.code) from end
