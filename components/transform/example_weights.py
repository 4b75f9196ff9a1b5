"""Features that the user's estimator uses as example weights."""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Iterator
from typing import Any

__all__ = ["weight_columns"]

_ARGUMENT = "weight_column"


def weight_columns(module: types.ModuleType) -> list[str]:
    """What the module passes on as `weight_column`, as far as its source says it.

    The estimator itself cannot be asked: it is made of what this step learns.

    Args:
        module: the user's, loaded.

    Returns:
        names of features, each once.
    """
    modules = {module.__name__: module}
    for function in ("estimator_fn", "feature_columns"):
        name = getattr(getattr(module, function, None), "__module__", None)
        if name in sys.modules:
            modules[str(name)] = sys.modules[str(name)]
    found = [name for one in modules.values() for name in _weights(one)]
    return list(dict.fromkeys(found))


def _weights(module: types.ModuleType) -> Iterator[str]:
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == _ARGUMENT:
            value: Any = node.value
            if isinstance(value, ast.Call):  # numeric_column("weight")
                keys = [k.value for k in value.keywords if k.arg == "key"]
                value = next(iter([*keys, *value.args]), None)
            if isinstance(value, ast.Name):
                value = getattr(module, value.id, None)
            elif isinstance(value, ast.Constant):
                value = value.value
            if isinstance(value, str):
                yield value
