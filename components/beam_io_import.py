"""Beam's import without its I/O on Google Cloud, which is imported when it is used.

`apache_beam.io` imports its sources and sinks on Google Cloud last, and does without them where
their libraries are missing. With these come notebook widgets and IPython where they are
installed: half of Beam's import. They are missing here until a name is asked for that
`apache_beam.io` does not have; then its code is run once more, and has them.

Seen on Beam 2.64 and 2.77: what `_REFUSED` says is the first of them, and that an ImportError
is tolerated there.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any

from tfx_estimators.estimator.later_finders import find_wrapped, importing_module
from tfx_estimators.estimator.wrapped_loader import WrappedLoader

__all__ = ["postpone_google_io"]

_IO = "apache_beam.io"
_REFUSED = "apache_beam.io.gcp.bigquery"


def postpone_google_io() -> None:
    """Has Beam, if it is imported from now on, leave its I/O on Google Cloud for later."""
    if _IO not in sys.modules and not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Refuses the I/O on Google Cloud to `apache_beam.io`, until that has been run."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == _REFUSED and importing_module() == _IO:
            raise ImportError(f"{_REFUSED} is imported when it is used", name=fullname)
        if fullname != _IO:
            return None
        return find_wrapped(self, lambda inner: _IoLoader(inner, self._end), fullname, path, target)

    def _end(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)


class _IoLoader(WrappedLoader):
    """Runs `apache_beam.io`, and once more when a name is missing.

    Args:
        inner: the module's own loader.
        end: what ends the refusal.
    """

    def __init__(self, inner: Any, end: Callable[[], None]) -> None:
        super().__init__(inner)
        self._end = end

    def exec_module(self, module: types.ModuleType) -> None:
        try:
            self._inner.exec_module(module)
        finally:
            self._end()
        module.__dict__["__getattr__"] = _Missing(module, self._inner)


class _Missing:
    """The module's `__getattr__`: completes it at the first name that it does not have.

    Args:
        module: `apache_beam.io`.
        loader: what runs it.
    """

    def __init__(self, module: types.ModuleType, loader: Any) -> None:
        self._module = module
        self._loader = loader
        self._lock = threading.RLock()

    def __call__(self, name: str) -> Any:
        # `from apache_beam.io import *` asks for `__all__`, and then takes what is there.
        asked_for_content = not name.startswith("__") or name == "__all__"
        with self._lock:
            if asked_for_content and vars(self._module).get("__getattr__") is self:
                del self._module.__dict__["__getattr__"]
                self._loader.exec_module(self._module)
        if name in vars(self._module):
            return vars(self._module)[name]
        raise AttributeError(f"module {_IO!r} has no attribute {name!r}")
