"""A loader of modules around another one, for finders that change how a module is run."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import types
from typing import Any

__all__ = ["WrappedLoader"]


class WrappedLoader(importlib.abc.Loader):
    """Leaves everything but running the module to the loader that knows the module's file.

    Args:
        inner: that loader.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        """As the inner loader does."""
        module: types.ModuleType | None = self._inner.create_module(spec)
        return module
