"""The names of environment variables."""

from __future__ import annotations

import ast
import pathlib

import tfx_estimators
from tfx_estimators import environment_variables

FOLDER = pathlib.Path(tfx_estimators.__path__[0])


def test_every_variable_is_named_once() -> None:
    rooms = [FOLDER, *(path for path in FOLDER.iterdir() if path.is_symlink())]
    spelled = [
        (path.name, node.value)
        for room in rooms
        for path in room.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("TFX_ESTIMATORS_")
    ]
    names = sorted(getattr(environment_variables, name) for name in environment_variables.__all__)
    assert sorted(spelled) == [("environment_variables.py", name) for name in names]
