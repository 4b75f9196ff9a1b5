"""Module-like namespaces that load what they name at its first use."""

from __future__ import annotations

import importlib
import importlib.machinery
import types
from typing import Any

__all__ = ["LazyNamespace"]


class LazyNamespace(types.ModuleType):
    """A module whose names are those of another, which is imported when one is asked for.

    Args:
        name: the name it goes by, such as `tensorflow.estimator`.
        target: dotted path of the module that answers.
    """

    def __init__(self, name: str, target: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        self._target = target

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return self.__dir__()
        # Whoever walks sys.modules asks every module for such names.
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(self._target), name)
        self.__dict__[name] = value
        return value

    def __dir__(self) -> list[str]:
        names = dir(importlib.import_module(self._target))
        return sorted(name for name in names if not name.startswith("_"))

    def __repr__(self) -> str:
        return f"<namespace {self.__name__!r} of {self._target!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # By-value picklers (Beam's) then find it again in a process that has not
        # activated anything: importing this package installs the finder.
        return LazyNamespace, (self.__name__, self._target)
