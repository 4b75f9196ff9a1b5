"""Names of TensorFlow 1 that TensorFlow 2 does not have, read from the installed TensorFlow.

TensorFlow ships the tables that its own upgrade script goes by. They are read as text, as
are the lists of its public names: doctor answers without importing TensorFlow.

Private places, seen on TensorFlow 2.15 to 2.21: `tools/compatibility/renames_v2.py` and
`all_renames_v2.py`, `_api/v2`; of tf_keras 2.15 to 2.21 `api/_v2/keras`.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import pathlib
import re
from collections.abc import Iterator

from tfx_estimators.errors import TensorFlowVersionError

__all__ = ["removed_names"]

_TABLES = (("renames_v2.py", "renames"), ("all_renames_v2.py", "manual_symbol_renames"))
_IMPORTED = re.compile(r"^from \S+ import (?:\w+ as )?(\w+)", re.MULTILINE)
# Namespaces of `tf` that are other packages': by their files, instead of TensorFlow's or too.
_OF_KERAS = ("keras", "initializers", "losses", "metrics", "optimizers")
_KERAS = "tf_keras/api/_v2/keras"
_KERAS_1 = "tf_keras/api/_v1/keras"
_ELSEWHERE = {
    **{name: f"{_KERAS}/{name}" for name in _OF_KERAS},
    "keras": _KERAS,
    "summary": "tensorboard/summary/_tf/summary",
    "compat.v1.keras": _KERAS_1,
    "compat.v1.layers": f"{_KERAS_1}/__internal__/legacy/layers",
    "compat.v1.nn.rnn_cell": f"{_KERAS_1}/__internal__/legacy/rnn_cell",
}
# Restored by this package, which has rules of its own for them.
_RESTORED = ("tf.estimator", "tf.keras.estimator")


@functools.cache
def removed_names() -> dict[str, str]:
    """Full names, and namespaces, with what has taken their place.

    Returns:
        e.g. "tensorflow.is_nan" -> "tf.math.is_nan", and "tensorflow.app" ->
        "tf.compat.v1.app" for a namespace of which nothing is left.

    Raises:
        TensorFlowVersionError: if TensorFlow is not installed, or has no such tables.
    """
    folder = _folder_of("tensorflow")
    renamed: dict[str, str] = {}
    for file, variable in _TABLES:
        renamed |= _table(folder / "tools" / "compatibility" / file, variable)
    found = {}
    for name, instead in renamed.items():
        if not _below(name, _RESTORED) and not _is_public(name) and _is_public(instead):
            found[name] = instead
            for namespace in _namespaces_of(name):
                kept = namespace.replace("tf.", "tf.compat.v1.", 1)
                if not _is_public(namespace) and _is_public(kept):
                    found.setdefault(namespace, kept)
    return {name.replace("tf.", "tensorflow.", 1): found[name] for name in found}


def _namespaces_of(name: str) -> Iterator[str]:
    """The namespaces below `tf` that a name lies in: of tf.a.b.c, tf.a.b and tf.a."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 1, -1):
        yield ".".join(parts[:length])


def _is_public(name: str) -> bool:
    """Whether TensorFlow 2, with Keras 2 for its `tf.keras`, has a name."""
    _, *inside, last = name.split(".")
    return last in _names_in(tuple(inside))


@functools.cache
def _names_in(namespace: tuple[str, ...]) -> frozenset[str]:
    tensorflow = _folder_of("tensorflow") / "_api" / "v2"
    if not namespace:
        return _imported(tensorflow / "v2.py") | {*_OF_KERAS}
    found = _imported(tensorflow.joinpath(*namespace, "__init__.py"))
    for length in range(1, len(namespace) + 1):
        place = _ELSEWHERE.get(".".join(namespace[:length]))
        if place is not None:
            found |= _imported(
                _folder_of("tf_keras").parent.joinpath(place, *namespace[length:], "__init__.py")
            )
    names = ".".join(namespace)
    return found | {
        other[len(names) + 1 :]
        for other in _ELSEWHERE
        if other.startswith(f"{names}.") and "." not in other[len(names) + 1 :]
    }


def _imported(file: pathlib.Path) -> frozenset[str]:
    return frozenset(_IMPORTED.findall(file.read_text(encoding="utf-8")) if file.is_file() else ())


def _table(file: pathlib.Path, variable: str) -> dict[str, str]:
    tree = ast.parse(file.read_bytes()) if file.is_file() else ast.Module(body=[], type_ignores=[])
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == variable for target in node.targets
        ):
            table: dict[str, str] = ast.literal_eval(node.value)
            return table
    raise TensorFlowVersionError(
        f"{file} has no table {variable}",
        expected="what TensorFlow 2.15 to 2.21 install there",
        fix="install one of these versions",
    )


@functools.cache
def _folder_of(package: str) -> pathlib.Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise TensorFlowVersionError(
            f"{package} is not installed",
            expected="the package beside this one: its own lists of names are read",
            fix=f"pip install {package.replace('_', '-')}",
        )
    return pathlib.Path(spec.submodule_search_locations[0])


def _below(name: str, namespaces: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in namespaces)
