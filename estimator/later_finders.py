"""What a finder of ours would have found if it were not there."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence

__all__ = ["find_later"]


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
