"""Files that a source names by literals, as the file of a vocabulary.

Understood are texts, names that are bound to them, `__file__`, and what
`pathlib`, `os.path` and formatted texts make of these.
"""

from __future__ import annotations

import ast
import os
import pathlib
from collections.abc import Iterator, Mapping

__all__ = ["named_files"]

_LONGEST_PATH = 4096
_SAME = ("str", "Path", "PurePath", "fspath", "abspath", "realpath", "normpath", "expanduser")
_OF_ITSELF = ("resolve", "absolute", "as_posix", "expanduser", "__str__")


def named_files(tree: ast.Module, source: pathlib.Path) -> list[pathlib.Path]:
    """Existing files that are no Python sources, in order of path.

    Args:
        tree: the source's.
        source: its file; relative paths are looked for beside it and in the working folder.
    """
    known: dict[str, str] = {"__file__": str(source)}
    for node in ast.walk(tree):  # The top of the module first.
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if (value := _value(node.value, known)) is not None:
                for target in targets:
                    if isinstance(target, ast.Name):
                        known.setdefault(target.id, value)
    found: set[pathlib.Path] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and (spelled := _value(node, known)):
            found.update(_files(spelled, source.parent))
    return sorted(found - {source})


def _files(spelled: str, folder: pathlib.Path) -> Iterator[pathlib.Path]:
    if len(spelled) > _LONGEST_PATH or "\n" in spelled or "://" in spelled:
        return
    for base in (folder, pathlib.Path.cwd()):
        try:
            path = base / spelled
            if path.suffix not in (".py", ".pyc") and path.is_file():
                yield path.resolve()
                return
        except (OSError, ValueError):
            return


def _value(node: ast.expr | None, known: Mapping[str, str]) -> str | None:
    """The text that an expression comes to, where that can be told."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.JoinedStr):
        return _joined([_value(part, known) for part in node.values], "")
    if isinstance(node, ast.FormattedValue):
        return _value(node.value, known)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
        sides = [_value(node.left, known), _value(node.right, known)]
        return _joined(sides, os.sep if isinstance(node.op, ast.Div) else "")
    if isinstance(node, ast.Attribute) and node.attr == "parent":
        inside = _value(node.value, known)
        return None if inside is None else str(pathlib.PurePath(inside).parent)
    if isinstance(node, ast.Call):
        return _called(node, known)
    return None


def _called(node: ast.Call, known: Mapping[str, str]) -> str | None:
    arguments = [_value(argument, known) for argument in node.args]
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in (*_SAME, "dirname") and len(arguments) == 1:
        (inside,) = arguments
        if inside is None:
            return None
        return os.path.dirname(inside) if name == "dirname" else inside  # noqa: PTH120
    if name in ("join", "Path", "PurePath") and len(arguments) > 1:
        return _joined(arguments, os.sep)
    if isinstance(function, ast.Attribute):
        itself = _value(function.value, known)
        if itself is not None and name in _OF_ITSELF and not arguments:
            return itself
        if itself is not None and name == "joinpath":
            return _joined([itself, *arguments], os.sep)
        if itself is not None and name == "with_name" and len(arguments) == 1:
            return _joined([str(pathlib.PurePath(itself).parent), *arguments], os.sep)
    return None


def _joined(parts: list[str | None], between: str) -> str | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return str(pathlib.PurePath(*known)) if between else "".join(known)
