"""Python's cyclic garbage collector in processes of our own."""

from __future__ import annotations

import gc

__all__ = ["collect_seldom"]

_NEW_OBJECTS = 100_000


def collect_seldom() -> None:
    """Lets the collector look at new objects less often.

    By default it does so after every 700 of them. Importing TFX and building graphs make
    millions of objects that live as long as the process; looking at them again and again
    is a quarter of the time. Call it first in a process's `main`, never when the package is
    imported: how a user's process collects is the user's choice.
    """
    gc.set_threshold(_NEW_OBJECTS, 50, 100)
