"""Every dotted path at which the Estimator API is found, and the names there.

`python tests/support/api_paths.py > tests/testdata/estimator/api_paths.json` on the legacy
stack records what TensorFlow 2.15 has.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import types

import tensorflow as tf

VERSIONS = ("", ".compat.v1", ".compat.v2")
NAMESPACES = [
    f"tensorflow{outer}{inner}" for outer in VERSIONS for inner in VERSIONS if outer or not inner
]
TPU_STUBS = ("error_handling", "tpu_config", "tpu_context", "tpu_estimator", "util")


def of_the_public_api() -> dict[str, list[str]]:
    """The names at each path, followed as attributes and imported as modules alike."""
    found: dict[str, list[str]] = {}
    for namespace in NAMESPACES:
        owner: object = tf
        for part in namespace.split(".")[1:]:
            owner = getattr(owner, part)
        for api in ("estimator", "keras.estimator"):
            pending = [f"{namespace}.{api}"]
            while pending:
                path = pending.pop()
                module = importlib.import_module(path)
                attribute = owner
                for part in path.removeprefix(f"{namespace}.").split("."):
                    attribute = getattr(attribute, part)
                names = [name for name in dir(module) if not name.startswith("_")]
                found[path] = sorted(name for name in names if hasattr(attribute, name))
                pending += [
                    f"{path}.{name}"
                    for name in names
                    if isinstance(getattr(module, name), types.ModuleType)
                ]
    return found


def of_private_modules(names: list[str]) -> dict[str, list[str]]:
    """The public classes and functions of modules that users' code imports by their path."""
    found = {}
    for name in names:
        members = vars(importlib.import_module(name))
        found[name] = sorted(
            member
            for member, value in members.items()
            if not member.startswith("_") and isinstance(value, (type, types.FunctionType))
        )
    return found


def private_modules() -> list[str]:
    """Where TensorFlow 2.15 and the estimator package keep them."""
    names = [f"tensorflow.python.tpu.{name}" for name in TPU_STUBS]
    for package in ("tensorflow.python.estimator", "tensorflow_estimator"):
        names.append(package)
        path = importlib.import_module(package).__path__
        names += [module.name for module in pkgutil.walk_packages(path, f"{package}.")]
    return sorted(names)


if __name__ == "__main__":
    recorded = {**of_the_public_api(), **of_private_modules(private_modules())}
    print(json.dumps({path: " ".join(n) for path, n in recorded.items()}, indent=0, sort_keys=True))
