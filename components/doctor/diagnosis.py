"""Checks files of the TFX 1.x era against what is known."""

from __future__ import annotations

import ast
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

from tfx_estimators.components.doctor.rules import Verdict, find_rule, plain_name
from tfx_estimators.components.doctor.uses import Use, find_uses
from tfx_estimators.errors import UserModuleError

__all__ = ["Finding", "diagnose"]

_SKIPPED = ("site-packages", "node_modules", "__pycache__", "build", "dist")


@dataclasses.dataclass(frozen=True)
class Finding:
    """What is known of something that a file uses.

    Attributes:
        file: the file.
        lines: where.
        name: what, in full.
        verdict: "works", "change" or "gone".
        why: what became of it.
        instead: the change; "" where none is needed.
    """

    file: str
    lines: tuple[int, ...]
    name: str
    verdict: str
    why: str
    instead: str


def diagnose(path: pathlib.Path) -> list[Finding]:
    """Reads a file, or every Python file in a folder and those below it.

    Args:
        path: of either. Hidden folders and installed packages are left out.

    Returns:
        findings by file and line. A file that cannot be parsed is one too.

    Raises:
        UserModuleError: if there is nothing to read.
    """
    if path.is_file():
        return list(_of_file(path, path.name))
    files = [
        file
        for file in sorted(path.rglob("*.py"))
        if not any(p.startswith(".") or p in _SKIPPED for p in file.relative_to(path).parts)
    ]
    if not files:
        raise UserModuleError(
            f"{path} is not a Python file" if path.exists() else f"there is no {path}",
            expected="a Python file, or a folder with Python files",
            fix="pass the file of the pipeline, that of its module, or the folder of both",
        )
    return [one for file in files for one in _of_file(file, str(file.relative_to(path)))]


def _of_file(file: pathlib.Path, shown: str) -> Iterator[Finding]:
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        yield Finding(
            shown, (line,), "the file", Verdict.CHANGE.value,
            f"is not Python 3: {getattr(error, 'msg', error)}", "2to3, then by hand",
        )  # fmt: skip
        return
    except OSError as error:
        yield Finding(shown, (), "the file", Verdict.CHANGE.value,
                      f"cannot be read: {error.strerror}", "make it readable")  # fmt: skip
        return
    found: dict[str, list[int]] = {}
    for name, line in _judged(find_uses(tree)):
        found.setdefault(name, []).append(line)
    for name, lines in sorted(found.items(), key=lambda item: (item[1], item[0])):
        rule = find_rule(name)
        assert rule is not None
        yield Finding(
            shown, tuple(dict.fromkeys(lines)), name, rule[1].verdict.value, rule[1].why,
            rule[1].instead,
        )  # fmt: skip


def _judged(uses: Sequence[Use]) -> Iterator[tuple[str, int]]:
    """The rules that uses fall under, by their names, with the lines.

    A module that is imported for what is in it is judged by that. What something else in
    the file settles is left out.
    """
    names = {plain_name(use.name) for use in uses}
    for use in uses:
        rule = find_rule(use.name)
        if rule is None or rule[1].settled_by in names:
            continue
        if use.is_import:
            inside = [
                find_rule(other.name)
                for other in uses
                if not other.is_import and f"{other.name}.".startswith(f"{use.name}.")
            ]
            if inside and rule not in inside:
                continue
        yield rule[0], use.line
