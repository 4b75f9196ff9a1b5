"""The user's model module: where it is, what it defines, and loading it.

Checked when a component is constructed, without running the module; loaded where
the step runs. The digest of its code is an execution property, so that an edited
module is not answered from TFX's cache.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import importlib
import importlib.util
import os
import pathlib
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_estimators.components.exits import exits_fail, exits_raise
from tfx_estimators.components.module_sources import parse, sources_digest, sources_of
from tfx_estimators.errors import ModuleContractError, UserModuleError
from tfx_estimators.estimator import keras_2_modules, loading
from tfx_estimators.estimator.activation import activate_with_tensorflow
from tfx_estimators.places import same

__all__ = ["UserModule", "no_exit"]

_MODULE_FILE = "module_file"
_MODULE_PATH = "module_path"
_MODULE_DIGEST = "module_digest"


@dataclasses.dataclass(frozen=True)
class UserModule:
    """A Python module that holds the user's functions.

    Attributes:
        file: absolute path of the source file, when it was given as a file.
        path: dotted import path, when it was given as such.
        digest: SHA-256 over the module's file, the files that it imports, directly or not,
            unless they are installed, and those that it names, such as vocabulary files.
    """

    file: str | None
    path: str | None
    digest: str

    @classmethod
    def find(cls, module_file: str | None, module_path: str | None) -> UserModule:
        """Locates the module without importing it.

        Args:
            module_file: path of a `.py` file; modules beside it can be imported
                from it.
            module_path: dotted path of an importable module.

        Raises:
            UserModuleError: if neither or both are given, or nothing is there, or it is no
                Python source.
        """
        if (module_file is None) == (module_path is None):
            raise UserModuleError(
                f"module_file={module_file!r} and module_path={module_path!r} were given",
                expected="exactly one of the two",
                fix="pass module_file='model.py' or module_path='package.model'",
            )
        # Stock components of the pipeline may import the module too, before ours do.
        activate_with_tensorflow()
        source = _source_of(module_file, module_path)
        file = str(source) if module_file is not None else None
        return cls(
            file=file, path=module_path, digest=sources_digest(module_path or source.stem, source)
        )

    @classmethod
    def from_exec_properties(cls, properties: Mapping[str, Any]) -> UserModule:
        """The module that a component's execution properties describe."""
        return cls(
            file=properties.get(_MODULE_FILE) or None,
            path=properties.get(_MODULE_PATH) or None,
            digest=properties.get(_MODULE_DIGEST, ""),
        )

    def exec_properties(self) -> dict[str, str | None]:
        """What a component's spec takes: `module_file`, `module_path`, `module_digest`."""
        return {_MODULE_FILE: self.file, _MODULE_PATH: self.path, _MODULE_DIGEST: self.digest}

    @property
    def name(self) -> str:
        """How messages call the module."""
        return self.file or self.path or "<no module>"

    def names(self) -> frozenset[str] | None:
        """Top-level names the module binds; None where only running it would tell."""
        return _bound_names(_source_of(self.file, self.path))

    def load(self, *, with_estimators: bool = True) -> types.ModuleType:
        """Imports the module.

        The folder of a module file comes first on `sys.path` and PYTHONPATH, so
        that Beam's worker processes find the module too.

        Args:
            with_estimators: put the Estimator API in place first, for modules that
                import it from TensorFlow, and let the module see Keras 2 as `tf.keras`.

        Raises:
            UserModuleError: if the import fails (the cause is chained), or gives a file of
                another folder.
        """
        if with_estimators:
            from tfx_estimators import estimator

            estimator.activate()
        name = self.path
        sources: Mapping[str, pathlib.Path] = {}
        if name is None:
            source = _source_of(self.file, None)
            _put_on_path(str(source.parent))
            name = source.stem
            sources = sources_of(name, source)
            _forget_others(sources)
            importlib.invalidate_caches()
        if with_estimators:
            loading.give_keras_2(module=name)
        try:
            with _outside_of_graphs(), exits_raise():
                module = importlib.import_module(name)
        except (Exception, SystemExit) as error:
            raise UserModuleError(
                f"the module {self.name} cannot be imported: {type(error).__name__}: {error}",
                expected="a module that imports in the environment of the step",
                fix=f"try it alone: python -c 'import {name}' in the module's folder",
            ) from error
        _refuse_others(sources)
        return module

    def require(self, contracts: Sequence[Sequence[str]], *, of: str) -> None:
        """Checks that the module binds all names of at least one contract.

        Args:
            contracts: the alternatives, each a list of function names.
            of: the component that asks, for the message.

        Raises:
            ModuleContractError: naming every contract and what is missing.
        """
        bound = self.names()
        if bound is None or any(set(contract) <= bound for contract in contracts):
            return
        alternatives = "; or ".join(" and ".join(f"{n}()" for n in c) for c in contracts)
        functions = ", ".join(sorted(n for n in bound if not n.startswith("_"))) or "nothing"
        raise ModuleContractError(
            f"{of}: the module {self.name} defines {functions}",
            expected=alternatives,
            fix="add the missing functions to the module, or pass another module",
        )


def no_exit() -> contextlib.AbstractContextManager[None]:
    """Takes an attempt of the user's code to end the process for the error that it is.

    Raises:
        UserModuleError: in the block, instead of SystemExit, whatever its code.
    """
    return exits_fail(
        lambda code: UserModuleError(
            f"a function of the user's module called sys.exit({code!r}) in the step",
            expected="functions that return, or raise an error",
            fix="remove sys.exit and os._exit from what the step calls",
        )
    )


def _outside_of_graphs() -> contextlib.AbstractContextManager[None]:
    """Lets a module's top make tensors that last.

    A worker process loads it while TF Transform traces a graph, which ends before the next
    one is traced.
    """
    tensorflow: Any = sys.modules.get("tensorflow")
    if tensorflow is None:
        return contextlib.nullcontext()
    scope: contextlib.AbstractContextManager[None] = tensorflow.init_scope()
    return scope


def _source_of(module_file: str | None, module_path: str | None) -> pathlib.Path:
    if module_file is not None:
        source = pathlib.Path(module_file).expanduser().resolve()
        if not source.is_file():
            raise UserModuleError(
                f"module_file={module_file!r} does not exist",
                expected="the path of a Python file",
                fix=f"looked for {source}; check the path and the working folder",
            )
        return source
    assert module_path is not None
    try:
        spec = importlib.util.find_spec(module_path)
    except (ImportError, ValueError) as error:
        raise UserModuleError(
            f"module_path={module_path!r} cannot be found: {error}",
            expected="the dotted path of an importable module",
            fix="install its package, or pass module_file= with the file's path",
        ) from error
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise UserModuleError(
            f"module_path={module_path!r} is not an importable Python module",
            expected="the dotted path of a module with Python source",
            fix="install its package, or pass module_file= with the file's path",
        )
    return pathlib.Path(spec.origin)


def _bound_names(source: pathlib.Path) -> frozenset[str] | None:
    tree = parse(source)
    names: set[str] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue  # what is bound inside is not the module's
        pending.extend(ast.iter_child_nodes(node))
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                if alias.name == "*":
                    return None
                names.add(alias.asname or alias.name.partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return frozenset(names)


def _put_on_path(folder: str) -> None:
    """Puts the folder first, also where it is on the path already.

    A folder that was put there later may have modules of the same names.
    """
    sys.path[:] = [folder, *(path for path in sys.path if path != folder)]
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    others = [path for path in inherited if path and path != folder]
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, *others])


def _forget_others(sources: Mapping[str, pathlib.Path]) -> None:
    """Takes other modules of the sources' names out of `sys.modules`, with all that is in them.

    Two pipelines in one process may both call their file model.py, or what it imports.

    Args:
        sources: files by dotted name.
    """
    for name, file in sources.items():
        if _is_other(name, file):
            _forget(name)


def _refuse_others(sources: Mapping[str, pathlib.Path]) -> None:
    """Makes sure that what was imported are these files.

    Python prefers a package with an `__init__.py` anywhere on the path to a folder without one.

    Args:
        sources: files by dotted name; those that were not imported are not looked at.

    Raises:
        UserModuleError: if a name stands for a file of another folder. None of the names is
            imported then.
    """
    for name, file in sources.items():
        if _is_other(name, file):
            loaded = getattr(sys.modules[name], "__file__", None)
            for one in sources:
                _forget(one)
            raise UserModuleError(
                f"import {name} gave {loaded}, not the module's own {file}",
                expected="no package of that name elsewhere on the path, or one in each folder",
                fix=f"add an empty __init__.py to {file.parent}",
            )


def _is_other(name: str, file: pathlib.Path) -> bool:
    """Whether a module of this name was imported, from another file."""
    module = sys.modules.get(name)
    loaded = getattr(module, "__file__", None)
    if loaded is None:
        # A folder without `__init__.py` has a path only.
        return hasattr(module, "__path__")
    return not same(loaded, str(file))


def _forget(name: str) -> None:
    inside = f"{name}."
    for one in [one for one in sys.modules if one == name or one.startswith(inside)]:
        keras_2_modules.forget(one)
