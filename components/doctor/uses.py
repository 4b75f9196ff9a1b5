"""What a file uses, by full names, whatever it calls them."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator

__all__ = ["Use", "find_uses"]


@dataclasses.dataclass(frozen=True)
class Use:
    """A name that is used.

    Attributes:
        name: in full, e.g. "tensorflow.estimator.DNNClassifier"; for a keyword argument
            the function's followed by the keyword: "tfx.components.Trainer(run_fn)", and
            by its value where that is a text or a truth; for a method of something that is
            not known its own after a dot: ".make_one_shot_iterator"; a Beam flag as it is.
        line: where.
        is_import: whether the name is only imported here.
    """

    name: str
    line: int
    is_import: bool = False


def find_uses(tree: ast.Module) -> list[Use]:
    """Every use of something imported, in order of lines.

    Args:
        tree: the parsed file.
    """
    names = dict(_imported(tree))
    names.update(_renamed(tree, names))
    uses = {Use(name, line, is_import=True) for name, line in _imports(tree)}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    unpacked = _unpacked_keywords(tree)
    _hide_local_names(tree, names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            full = _full_name(node, names)
            if full is not None:
                uses.add(Use(full, node.lineno))
            elif isinstance(node, ast.Attribute):
                uses.add(Use(f".{node.attr}", node.lineno))
        if isinstance(node, ast.Constant) and str(node.value).startswith("--"):
            uses.add(Use(str(node.value), node.lineno))
        if isinstance(node, ast.Call):
            full = _full_name(node.func, names)
            if full is not None:
                uses.update(_keywords_of(full, node))
                uses |= {Use(f"{full}({key})", line) for key, line in unpacked[id(node)]}
    return sorted(uses, key=lambda use: (use.line, use.name))


def _keywords_of(function: str, call: ast.Call) -> Iterator[Use]:
    for keyword in call.keywords:
        if keyword.arg:
            line = keyword.value.lineno
            yield Use(f"{function}({keyword.arg})", line)
            if isinstance(keyword.value, ast.Constant) and isinstance(
                keyword.value.value, str | bool
            ):
                yield Use(f"{function}({keyword.arg}={keyword.value.value!r})", line)


def _unpacked_keywords(tree: ast.Module) -> dict[int, list[tuple[str, int]]]:
    """By the calls' ids the keys of f(**arguments), that `arguments` has anywhere in the file."""
    keys = _keys_of_dictionaries(tree)
    return {
        id(call): [
            key
            for keyword in call.keywords
            if keyword.arg is None and isinstance(keyword.value, ast.Name)
            for key in keys.get(keyword.value.id, ())
        ]
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
    }


def _keys_of_dictionaries(tree: ast.Module) -> dict[str, list[tuple[str, int]]]:
    """Keys and lines of `name = {"key": ...}` and `name["key"] = ...`, by the name."""
    found: dict[str, list[tuple[str, int]]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            keys: list[ast.expr | None] = []
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Dict):
                owner, keys = target.id, node.value.keys
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                owner, keys = target.value.id, [target.slice]
            for key in keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    found.setdefault(owner, []).append((key.value, key.lineno))
    return found


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Local name -> full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, alias.name
                else:
                    # `import a.b` binds `a`.
                    first = alias.name.partition(".")[0]
                    yield first, first
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _renamed(tree: ast.Module, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Local name -> full name, of assignments such as `tf_estimator = tf.estimator`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
            full = _full_name(node.value, names)
            for target in node.targets:
                if full is not None and isinstance(target, ast.Name):
                    yield target.id, full


def _hide_local_names(tree: ast.Module, names: dict[str, str]) -> None:
    """Empties, in functions, the names that are something else there.

    A function's parameters and variables hide what was imported under the same name:
    `def train(estimator): estimator.train()` says nothing of `tf.estimator`.
    """
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        inside = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        renamed = {
            id(target)
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
            if _full_name(node.value, names) is not None
            for target in node.targets
        }
        hidden = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)} | {
            node.id
            for node in inside
            if isinstance(node.ctx, ast.Store) and id(node) not in renamed
        }
        for node in inside:
            if node.id in hidden:
                node.id = ""


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _full_name(node: ast.AST, names: dict[str, str]) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(parts)])
