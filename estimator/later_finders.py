"""What finders ask: what they would have found if they were not there, and who imports."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["find_later", "find_wrapped", "importing_module"]


def find_later(
    finder: importlib.abc.MetaPathFinder,
    name: str,
    path: Sequence[str] | None,
    target: types.ModuleType | None = None,
) -> importlib.machinery.ModuleSpec | None:
    """Asks the finders that follow one on `sys.meta_path`, as Python would.

    Those before it have been asked already. Two finders that both asked all the others would
    ask each other without end.
    """
    finders = list(sys.meta_path)
    for other in finders[finders.index(finder) + 1 :]:
        spec = other.find_spec(name, path, target)
        if spec is not None:
            return spec
    return None


def find_wrapped(
    finder: importlib.abc.MetaPathFinder,
    wrap: Callable[[Any], importlib.abc.Loader],
    name: str,
    path: Sequence[str] | None,
    target: types.ModuleType | None = None,
) -> importlib.machinery.ModuleSpec | None:
    """What `find_later` finds, its loader replaced by what `wrap` makes of it."""
    spec = find_later(finder, name, path, target)
    if spec is not None and spec.loader is not None:
        spec.loader = wrap(spec.loader)
    return spec


def importing_module() -> str:
    """The name of the module whose import asks the finder that calls this."""
    frame = sys._getframe(2)
    while frame.f_back is not None and _module(frame).partition(".")[0] == "importlib":
        frame = frame.f_back
    return _module(frame)


def _module(frame: types.FrameType) -> str:
    return str(frame.f_globals.get("__name__"))
