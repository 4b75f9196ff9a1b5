"""Packages that an import names, and that are run when something of them is first used.

`importlib.util.LazyLoader` does this for modules. It cannot for a package some of whose
modules are imported, because Python asks the package where they are; these packages answer
that without being run. They are deferred only inside a block of imports: after it
`sys.modules` holds nothing of them, and the next import of one, or of a module in it, is an
import like any other. Only the module objects are those that were made in the block. A package
whose modules all need nothing of it stays deferred, until somebody uses a name of its own.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.abc
import importlib.machinery
import sys
import threading
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tfx_estimators.estimator.later_finders import find_wrapped

__all__ = ["deferred_packages"]

_lock = threading.RLock()


@contextlib.contextmanager
def deferred_packages(
    packages: Mapping[str, Collection[str]],
    given: Mapping[str, Mapping[str, Any]] = types.MappingProxyType({}),
) -> Iterator[None]:
    """Lets imports inside the block have packages that are not run.

    Whoever uses a name of such a package, then or later, has the package run first. One
    that has been imported before the block is left alone.

    Args:
        packages: by the name of each package or module, the packages and modules in it that
            need nothing else of it. The import of any other module in it has the package run
            first, as Python always does. One that is listed in its own list stays deferred
            after the block.
        given: what names of a package stand for in the block, by the package's name.
    """
    finder = _Finder(
        _Package(name, free, given.get(name, {}))
        for name, free in packages.items()
        if name not in sys.modules
    )
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.end()


class _Package:
    """A package that may be deferred.

    Attributes:
        free: what can be imported of it without running it.
        given: what its names stand for in the block.
        module: its module object, from when it is deferred until it has been run.
        taken_out: what of it was in `sys.modules` at the block's end, by name.
        state: "deferred" as long as it has not been run, "running" or "run".
    """

    def __init__(self, name: str, free: Collection[str], given: Mapping[str, Any]) -> None:
        self.name = name
        self.free = free
        self.given = given
        self.module: _Deferred | None = None
        self.taken_out: dict[str, types.ModuleType] = {}
        self.state = "deferred"

    def is_free(self, module: str) -> bool:
        """Whether it, or what it lies in, is listed, or something in it."""
        own = f"{module}."
        return any(own.startswith(f"{name}.") or name.startswith(own) for name in self.free)

    @property
    def stays(self) -> bool:
        """Whether it stays deferred where it has been imported and nothing of it is used."""
        return self.name in self.free

    def run(self) -> types.ModuleType:
        """The package as an import gives it."""
        with _lock:
            if self.state == "deferred" and sys.modules.get(self.name) is self.module:
                sys.modules.pop(self.name, None)
        return importlib.import_module(self.name)

    def take_out(self) -> None:
        """Takes it and the modules in it out of `sys.modules`, unless it stays or has been run."""
        with _lock:
            there = sys.modules.get(self.name) is self.module
            if self.stays or self.state != "deferred" or not there:
                return
            for name in list(sys.modules):
                if f"{name}.".startswith(f"{self.name}."):
                    self.taken_out[name] = sys.modules.pop(name)
            parent, _, own_name = self.name.rpartition(".")
            if parent in sys.modules and vars(sys.modules[parent]).get(own_name) is self.module:
                delattr(sys.modules[parent], own_name)

    def put_back(self) -> None:
        with _lock:
            self.state = "running"
            for name, module in self.taken_out.items():
                sys.modules.setdefault(name, module)
            # Held here, they would outlive `sys.modules` when the interpreter ends.
            self.taken_out.clear()


class _Deferred(types.ModuleType):
    """A package before it is run."""

    def __init__(self, package: _Package) -> None:
        super().__init__(package.name)
        self.__dict__["__package_to_run__"] = package

    def __getattr__(self, name: str) -> Any:
        # The import system, and whoever walks through `sys.modules`, ask for such names.
        if name.startswith("__") and name not in ("__all__", "__version__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        package: _Package = self.__dict__["__package_to_run__"]
        module = f"{self.__name__}.{name}"
        if package.state == "deferred" and module in package.free:
            return importlib.import_module(module)
        if package.state == "deferred" and name in package.given:
            return package.given[name]
        # Not `getattr`: while it runs, it may ask itself for what it does not have yet.
        return types.ModuleType.__getattribute__(package.run(), name)


class _Finder(importlib.abc.MetaPathFinder):
    """Defers packages until its end, and then finds them as they were left."""

    def __init__(self, packages: Iterator[_Package]) -> None:
        self._packages = {package.name: package for package in packages}
        self._ended = False

    def end(self) -> None:
        self._ended = True
        for package in self._packages.values():
            package.given = {}
            package.take_out()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        package = self._packages.get(fullname)
        if package is not None:
            return self._find_package(package, path)
        package = self._deferred_above(fullname)
        if package is not None and not package.is_free(fullname):
            package.run()
            module = sys.modules.get(fullname)
            if module is not None:
                # Python takes the spec of a module that it finds there to load it once more.
                module.__spec__ = importlib.machinery.ModuleSpec(fullname, _Known(module))
                return module.__spec__
        return None

    def _deferred_above(self, module: str) -> _Package | None:
        for package in self._packages.values():
            if module.startswith(f"{package.name}.") and package.state == "deferred":
                return None if package.module is None else package
        return None

    def _find_package(
        self, package: _Package, path: Sequence[str] | None
    ) -> importlib.machinery.ModuleSpec | None:
        if package.state == "run" or (self._ended and package.module is None):
            return None
        loader = _DeferringLoader if package.module is None else _RunningLoader
        return find_wrapped(self, functools.partial(loader, package), package.name, path)


class _PackageLoader(importlib.abc.Loader):
    """A loader of one package, around the one that knows its files."""

    def __init__(self, package: _Package, inner: Any) -> None:
        self._package = package
        self._inner = inner

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """The one module object of the package."""
        if self._package.module is None:
            self._package.module = _Deferred(self._package)
        return self._package.module

    def exec_module(self, module: types.ModuleType) -> None:
        """Leaves the module with the loader that can be asked for its source and resources."""
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._inner


class _DeferringLoader(_PackageLoader):
    """Does not run the package."""


class _RunningLoader(_PackageLoader):
    """Runs a package in the module object that others hold."""

    def exec_module(self, module: types.ModuleType) -> None:
        super().exec_module(module)
        self._package.put_back()
        try:
            self._inner.exec_module(module)
        except BaseException:
            self._package.state = "deferred"
            raise
        self._package.state = "run"
        self._package.module = None
        module.__class__ = types.ModuleType


class _Known(importlib.abc.Loader):
    """Gives a module that its package has imported meanwhile."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return self._module

    def exec_module(self, module: types.ModuleType) -> None:
        module.__spec__ = self._spec
