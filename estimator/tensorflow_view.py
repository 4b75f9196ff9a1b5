"""The TensorFlow that the estimator package sees.

The package was written against a TensorFlow in which `tf.keras` is Keras 2 and a few
private modules still exist. A view is a module that answers for the real one, except
for the names given here. Only modules that were loaded by `package.py` get views: the
process's own `tf.keras` stays what it is.

Private names of TensorFlow that this module relies on, seen on 2.16 to 2.21:
`tensorflow.python.distribute`, `tensorflow.python.tpu` (both as packages that lost
modules), `tensorflow.python.util.tf_export.API_ATTRS` and `API_ATTRS_V1`, and of
tf_keras `tf_keras.api._v1.keras`.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import types
from collections.abc import Callable, Mapping
from typing import Any

from tfx_estimators.estimator import keras_2_modules

__all__ = ["View", "builtins_with_views", "keras_2", "keras_2_v1"]

KERAS_2 = "tf_keras"
KERAS_2_V1 = "tf_keras.api._v1.keras"
LEGACY_LAYERS = f"{KERAS_2_V1}.__internal__.legacy.layers"
LEGACY_RNN_CELLS = f"{KERAS_2_V1}.__internal__.legacy.rnn_cell"
NAMESPACES = (
    "tensorflow",
    *(f"tensorflow.compat.{outer}" for outer in ("v1", "v2")),
    *(f"tensorflow.compat.{o}.compat.{i}" for o in ("v1", "v2") for i in ("v1", "v2")),
)
"""TensorFlow's public API, in every module that holds all of it."""

_KERAS = {
    f"{namespace}.keras": KERAS_2_V1 if namespace.endswith("v1") else KERAS_2
    for namespace in NAMESPACES
}
"""What is imported instead, below these names too."""

_HERE = __name__.rpartition(".")[0]


class View(types.ModuleType):
    """A module that answers for another, with some names replaced.

    Args:
        real: the module behind the view; writes go there too.
        replaced: what makes the value of a replaced name, called at its first use.
    """

    def __init__(self, real: types.ModuleType, replaced: Mapping[str, Callable[[], Any]]) -> None:
        super().__init__(real.__name__, real.__doc__)
        own = self.__dict__
        for name in ("__package__", "__loader__", "__spec__"):
            own[name] = getattr(real, name, None)
        own["_real"] = real
        own["_replaced"] = replaced

    def __getattr__(self, name: str) -> Any:
        make = self._replaced.get(name)
        if make is None:
            return getattr(self._real, name)
        value = self.__dict__[name] = make()
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._replaced:
            self.__dict__[name] = value
        else:
            setattr(self._real, name, value)

    def __delattr__(self, name: str) -> None:
        if name in self._replaced:
            del self.__dict__[name]
        else:
            delattr(self._real, name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._real), *self._replaced})

    def __reduce__(self) -> tuple[Any, ...]:
        return importlib.import_module, (self.__name__,)


def keras_2() -> types.ModuleType:
    """Keras 2 as `tf.keras` and `tf.compat.v2.keras` had it."""
    return importlib.import_module(KERAS_2)


def keras_2_v1() -> types.ModuleType:
    """Keras 2 as `tf.compat.v1.keras` had it."""
    return importlib.import_module(KERAS_2_V1)


@functools.cache
def views() -> dict[str, View]:
    """Every view, under the name it is imported by."""
    tensorflow = importlib.import_module("tensorflow")
    load = importlib.import_module

    def loading(name: str) -> Callable[[], Any]:
        return functools.partial(load, name)

    found: dict[str, View] = {}

    def see(name: str, real: types.ModuleType) -> View:
        if name.endswith(".v1"):
            nn = View(real.nn, {"rnn_cell": loading(LEGACY_RNN_CELLS)})
            replaced = {
                "keras": keras_2_v1,
                "layers": loading(LEGACY_LAYERS),
                "nn": lambda: nn,
            }
        else:
            # In TensorFlow's second API these are Keras's.
            of_keras = ("initializers", "losses", "metrics", "optimizers")
            replaced = {part: loading(f"{KERAS_2}.{part}") for part in of_keras}
            replaced["keras"] = keras_2
        if f"{name}.compat.v1" in NAMESPACES:
            versions = {v: see(f"{name}.compat.{v}", getattr(real.compat, v)) for v in ("v1", "v2")}
            compat = View(
                real.compat, {v: functools.partial(versions.__getitem__, v) for v in versions}
            )
            found[f"{name}.compat"] = compat
            replaced["compat"] = lambda: compat
        found[name] = View(real, replaced)
        return found[name]

    see("tensorflow", tensorflow)
    removed = loading(f"{_HERE}.removed")
    return {
        **found,
        "tensorflow.python.distribute": View(
            load("tensorflow.python.distribute"),
            {"estimator_training": loading(f"{_HERE}.distribution.coordinator")},
        ),
        "tensorflow.python.tpu": View(
            load("tensorflow.python.tpu"),
            {
                name: functools.partial(lambda name: removed().MODULES[name], name)
                for name in ("session_support", "tpu_embedding", "tpu_embedding_gradient")
            },
        ),
    }


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: tuple[str, ...] | None = (),
    level: int = 0,
) -> Any:
    """`__import__` that hands out views where there are any."""
    for asked_for, stands_for in _KERAS.items():
        if level == 0 and f"{name}.".startswith(f"{asked_for}."):
            keras = importlib.import_module(stands_for + name.removeprefix(asked_for))
            return keras if fromlist else views()["tensorflow"]
    if level == 0 and name.partition(".")[0] == "tensorflow":
        if fromlist:
            view = views().get(name)
            if view is not None:
                there = tuple(item for item in fromlist if item not in view._replaced)
                builtins.__import__(name, globals, locals, there, level)
                return view
            parent, _, last = name.rpartition(".")
            view = views().get(parent)
            if view is not None and last in view._replaced:
                return getattr(view, last)
        else:
            builtins.__import__(name, globals, locals, fromlist, level)
            return views()["tensorflow"]
    keras_2_modules.forget_other_copies(name, globals, fromlist, level)
    return builtins.__import__(name, globals, locals, fromlist or (), level)


def builtins_with_views() -> dict[str, Any]:
    """The builtins for a module whose imports of TensorFlow are to give views."""
    keras_2_modules.BUILTINS["__import__"] = _import
    return keras_2_modules.BUILTINS


@functools.cache
def restore_export_names() -> None:
    """Gives TensorFlow's export decorator its `estimator` API name back.

    `tensorflow.python.util.tf_export` dropped it in 2.16; the package marks every
    public symbol with it. Only names are added.
    """
    tf_export: Any = importlib.import_module("tensorflow.python.util.tf_export")
    if hasattr(tf_export, "ESTIMATOR_API_NAME"):
        return
    kind = type(tf_export.API_ATTRS[tf_export.TENSORFLOW_API_NAME])
    tf_export.API_ATTRS["estimator"] = kind("_estimator_api_names", "_estimator_api_constants")
    tf_export.API_ATTRS_V1["estimator"] = kind(
        "_estimator_api_names_v1", "_estimator_api_constants_v1"
    )
    tf_export.ESTIMATOR_API_NAME = "estimator"
