"""What a user's module consists of: the files it imports and the files it names.

Found by reading the sources, without running them. What is installed (the standard library
and site-packages) is left out: it changes with its version. So are imports whose names are
made while the program runs, and files whose paths are.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib.util
import os
import pathlib
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence

from tfx_estimators.components.literal_paths import named_files
from tfx_estimators.errors import UserModuleError

__all__ = ["digest_of", "find_source", "parse", "sources_digest", "sources_of", "whole_of"]

_OURS = __name__.partition(".")[0]
_CHUNK = 1 << 20
_LONGEST_NAME = 100


def sources_of(name: str, source: pathlib.Path) -> dict[str, pathlib.Path]:
    """The module and all that it imports, directly or not, by dotted name.

    Args:
        name: the module's.
        source: its file.

    Raises:
        UserModuleError: if the module itself has a syntax error.
    """
    top = name.partition(".")[0]
    finder = _Finder(source.parent if top == name else None, top, source)
    found = {name: source}
    pending = [name]
    while pending:
        current = pending.pop()
        path = found[current]
        try:
            tree = parse(path)
        except UserModuleError:
            if path == source:
                raise
            continue  # Importing it will say what is wrong with it.
        package = current if path.name == "__init__.py" else current.rpartition(".")[0]
        for imported in _imports(tree, package):
            for each in _with_parents(imported):
                if each not in found and (file := finder.find(each)) is not None:
                    found[each] = file
                    pending.append(each)
    return found


def sources_digest(name: str, source: pathlib.Path) -> str:
    """SHA-256 of a module's sources and of the files that they name.

    Args:
        name: the module's dotted name.
        source: its file.

    Raises:
        UserModuleError: if the module itself has a syntax error.
        OSError: if a file cannot be read.
    """
    return digest_of(whole_of(name, source))


def whole_of(name: str, source: pathlib.Path) -> dict[str, pathlib.Path]:
    """A module's sources and the files that they name.

    Args:
        name: the module's dotted name.
        source: its file.

    Returns:
        the files, by labels that say what they are to the module: a file's own label does
        not depend on where the module lies.

    Raises:
        UserModuleError: if the module itself has a syntax error.
    """
    whole: dict[str, pathlib.Path] = {}
    named: set[pathlib.Path] = set()
    for module, path in sorted(sources_of(name, source).items()):
        # The name by which a file is run says nothing of what it does.
        whole["" if module == name else module] = path
        try:
            named.update(named_files(parse(path), path))
        except UserModuleError:
            continue
    for label, file in sorted((_label(file, source), file) for file in named):
        unique = label
        while unique in whole:  # Two files elsewhere may have one name.
            unique += "'"
        whole[unique] = file
    return whole


def _label(file: pathlib.Path, source: pathlib.Path) -> str:
    relative = os.path.relpath(file, source.parent)
    return f"file {file.name if relative.startswith('..') else relative}"


def digest_of(files: Mapping[str, pathlib.Path]) -> str:
    """SHA-256 of files and their labels, in their order.

    Raises:
        OSError: if a file cannot be read.
    """
    whole = hashlib.sha256()
    for label, file in files.items():
        whole.update(f"{label}\0{_digest(file)}\n".encode(errors="surrogateescape"))
    return whole.hexdigest()


def find_source(name: str) -> pathlib.Path | None:
    """The source of a module by its dotted name, without importing what it lies in.

    Returns:
        None if it cannot be found or has no Python source.
    """
    return _Finder(None, name.partition(".")[0], pathlib.Path()).find(name)


def parse(source: pathlib.Path) -> ast.Module:
    """A file's syntax tree.

    Raises:
        UserModuleError: naming the line, if it has none.
    """
    try:
        return ast.parse(source.read_bytes(), filename=str(source))
    except SyntaxError as error:
        raise UserModuleError(
            f"{source}, line {error.lineno}: {error.msg}",
            expected="a Python file without syntax errors",
            fix="correct the line named above",
        ) from error
    except ValueError as error:
        raise UserModuleError(
            f"{source} is not Python source: {error}",
            expected="a Python file in the encoding that it declares",
            fix="save the file as UTF-8",
        ) from error


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Dotted names that may be modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            start = [*above, node.module or ""] if node.level else [node.module or ""]
            module = ".".join(part for part in start if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    if len(parts) <= _LONGEST_NAME and all(part.isidentifier() for part in parts):
        for length in range(1, len(parts) + 1):
            yield ".".join(parts[:length])


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a module was found: its source, and the folders of what lies in it."""

    file: pathlib.Path | None
    folders: tuple[pathlib.Path, ...] = ()


class _Finder:
    """Finds the sources of modules that are not installed.

    Args:
        folder: where the module's own imports are looked for first; None for a module that
            is imported by its dotted path.
        package: the module's own top-level package, which counts wherever it lies.
        source: the module's file.
    """

    def __init__(self, folder: pathlib.Path | None, package: str, source: pathlib.Path) -> None:
        self._folder = folder
        self._package = package
        self._beside = source.parent
        self._places: dict[str, _Place | None] = {}
        paths = sysconfig.get_paths()
        installed = {paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
        installed |= {*site.getsitepackages(), site.getusersitepackages()}
        self._installed = [pathlib.Path(path).resolve() for path in installed]

    def find(self, name: str) -> pathlib.Path | None:
        """The file of a module; None if it is installed, has no source, or is none."""
        place = self._place(name)
        if place is None or place.file is None:
            return None
        if name.partition(".")[0] == _OURS:
            # Ours comes with its version; of a module in it, what lies beside it counts.
            return place.file if self._beside in place.file.parents else None
        return place.file

    def _place(self, name: str) -> _Place | None:
        if name not in self._places:
            self._places[name] = self._look(name)
        return self._places[name]

    def _look(self, name: str) -> _Place | None:
        parent, _, last = name.rpartition(".")
        if parent:
            above = self._place(parent)
            return None if above is None else _in_folders(last, above.folders)
        if name in sys.builtin_module_names or name in sys.stdlib_module_names:
            return None
        if self._folder is not None and (beside := _in_folders(name, [self._folder])) is not None:
            return beside
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
        if spec is None:
            return None
        origin = spec.origin or ""
        file = pathlib.Path(origin) if origin.endswith(".py") else None
        folders = tuple(pathlib.Path(path) for path in spec.submodule_search_locations or ())
        if name not in (self._package, _OURS):
            # Of a namespace that several packages share, some parts may be installed.
            folders = tuple(folder for folder in folders if not self._is_installed(folder))
            if file is not None and self._is_installed(file):
                return None
        return _Place(file, folders)

    def _is_installed(self, path: pathlib.Path) -> bool:
        return any(folder in path.resolve().parents for folder in self._installed)


def _in_folders(name: str, folders: Sequence[pathlib.Path]) -> _Place | None:
    """As Python looks for a module: a package first, a folder without a source last."""
    for folder in folders:
        if (file := folder / name / "__init__.py").is_file():
            return _Place(file, (folder / name,))
        if (file := folder / f"{name}.py").is_file():
            return _Place(file)
    spaces = tuple(folder / name for folder in folders if (folder / name).is_dir())
    return _Place(None, spaces) if spaces else None


def _digest(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
