"""Signals that ask a process to end, heard for a while instead of obeyed."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["signals_heard"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def signals_heard(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Has SIGTERM, Ctrl-C and SIGHUP call a function for the length of a block.

    A signal that the process was started to ignore, as by `nohup` or by a shell's `&`, stays
    ignored. Outside of the main thread, where Python has no say over signals, nothing is heard.

    Args:
        handler: as `signal.signal` takes it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, previous in before.items():
            # None where the handler was not set by Python, and cannot be by it.
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
