"""Every private name of another package that our sources touch, and `docs/private-names.md`.

A name is private if it, or a part of its dotted path, begins with an underscore, or if it
lies in a package that its owner calls internal. Written anew with

    python tests/support/private_names.py
"""

from __future__ import annotations

import ast
import collections
import dataclasses
import pathlib
import re
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "private-names.md"
ROOMS = (
    "estimator",
    "lineage",
    "components",
    "pipelines",
    "report",
    "kubeflow",
    "src/tfx_estimators",
)

_INTERNAL = re.compile(
    r"^(tensorflow\.python|tensorflow\._api|tensorflow_estimator\.python|tf_keras\.src|keras\.src)\b"
)
# Documented in spite of the underscore (named tuples, `os`, `sys`), part of a file format
# (graphs, checkpoints), or the ending of a name in a string.
_PUBLIC = {
    *("_asdict", "_fields", "_replace", "_make"),
    *("_exit", "_getframe"),
    *("_class", "_CHECKPOINTABLE_OBJECT_GRAPH"),
    *("_task", "_stats", "_baseline"),
}
_SEEN = re.compile(r"[Ss]een (?:on|in) (.+?)(?:[:;)]|\.(?:\s|$)|$)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Touched:
    """The private names that one module touches.

    Attributes:
        module: its path, from the project's folder.
        names: sorted.
        seen_on: what the module says of the versions on which they were seen; empty if
            it says nothing.
    """

    module: str
    names: tuple[str, ...]
    seen_on: tuple[str, ...]


def touched() -> list[Touched]:
    """One entry for each module that touches private names."""
    sources = {path: path.read_text(encoding="utf-8") for path in _modules()}
    trees = {path: ast.parse(text) for path, text in sources.items()}
    ours = {name for tree in trees.values() for name in _defined(tree)} | _PUBLIC
    found = []
    for path, tree in trees.items():
        names = {name for name in _private(tree, ours) if "tfx_estimators" not in name}
        if names:
            seen = _SEEN.findall(re.sub(r"\s+#?\s*", " ", sources[path]))
            found.append(Touched(path.relative_to(ROOT).as_posix(), _short(names), tuple(seen)))
    return found


def page() -> str:
    """The text of `docs/private-names.md`."""
    lines = [
        "# Private names of other packages",
        "",
        "Generated from the sources by `python tests/support/private_names.py`; do not edit it. A",
        "new release of TensorFlow or TFX may change any of these without notice:",
        "[new-stack.md](new-stack.md) says how to check them.",
        "",
        "| module | names | seen on |",
        "|---|---|---|",
    ]
    for entry in touched():
        names = ", ".join(f"`{name}`" for name in entry.names)
        lines.append(f"| `{entry.module}` | {names} | {'; '.join(entry.seen_on)} |")
    return "\n".join(lines) + "\n"


def _modules() -> Iterator[pathlib.Path]:
    for room in ROOMS:
        # Links are other rooms, which are listed themselves.
        for path in sorted((ROOT / room).rglob("*.py")):
            if not any(parent.is_symlink() for parent in path.parents):
                yield path


def _defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
                yield node.attr
        # own["_name"] = ..., where `own` is an instance's own dictionary.
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.slice, ast.Constant)
        ):
            yield str(node.slice.value)


def _private(tree: ast.AST, ours: set[str]) -> Iterator[str]:
    # A text that a name is put together from is no name.
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if _hidden(node.attr) and node.attr not in ours:
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if _INTERNAL.match(name) or any(map(_hidden, name.split("."))):
                    yield name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) in parts:
                continue
            text = node.value.rstrip(".")
            foreign = re.fullmatch(r"[\w.]+", text) is not None and text not in ours
            if foreign and (_INTERNAL.match(text) or (_hidden(text) and "." not in text)):
                yield text


def _hidden(name: str) -> bool:
    return bool(re.match(r"_[A-Za-z]", name))


def _short(names: set[str]) -> tuple[str, ...]:
    """A package from which very many names are imported stands for them."""
    parents = collections.Counter(name.rpartition(".")[0] for name in names)
    return tuple(
        sorted(
            {
                f"{parent}.*" if parent and parents[parent] > 5 else name
                for name in names
                for parent in [name.rpartition(".")[0]]
            }
        )
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
