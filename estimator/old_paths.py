"""Private names that TensorFlow lost, with its estimators or since, found as before.

Modules of users, and upstream's own tests, import some of them. TensorFlow 2.15 has
`tensorflow.python.estimator` and parts of `tensorflow.python.tpu` as stubs over the estimator
package, and `tensorflow.python.distribute.estimator_training` as its own; 2.16 to 2.21 have none.

`tensorflow.python.keras.layers`, TensorFlow's private copy of Keras, has `LSTM` and `GRU` only if
TensorFlow 2's behavior was off when the first module imported it, which in a pipeline's process
is one of TFX's. Otherwise the same classes are there as `LSTMV1` and `GRUV1` alone. Libraries of
estimators, such as DeepCTR, import the plain names.

The private paths were seen on TensorFlow 2.15, 2.16 and 2.21.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence
from typing import Any

from tfx_estimators.estimator import removed

__all__ = ["LAYERS", "install_finder", "name_recurrent_layers"]

LAYERS = "tensorflow.python.keras.layers"
"""TensorFlow's private copy of Keras's layers."""

_STUBS = "tensorflow.python.estimator"
_PACKAGE = "tensorflow_estimator.python.estimator"
_MOVED = {
    f"{_STUBS}.keras": f"{_PACKAGE}.keras_lib",
    "tensorflow.python.distribute.estimator_training": (
        f"{__name__.rpartition('.')[0]}.distribution.coordinator"
    ),
    **{
        f"tensorflow.python.tpu.{name}": f"{_PACKAGE}.tpu.{name}"
        for name in ("error_handling", "tpu_config", "tpu_context", "tpu_estimator", "util")
    },
}


class _OldPaths(importlib.abc.MetaPathFinder):
    """Finds what was moved where it is now, when it is imported by its old name."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        package, _, name = fullname.rpartition(".")
        if package == "tensorflow.python.tpu" and name in removed.MODULES:
            return importlib.machinery.ModuleSpec(fullname, _Loader(removed.MODULES[name]))
        found = _MOVED.get(fullname)
        if found is None and f"{fullname}.".startswith(f"{_STUBS}."):
            found = _PACKAGE + fullname.removeprefix(_STUBS)
        if found is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, _Loader(found))


class _Loader(importlib.abc.Loader):
    """Gives the very module, so that what is set on it is set on it."""

    def __init__(self, now: str | types.ModuleType) -> None:
        self._now = now

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = importlib.import_module(self._now) if isinstance(self._now, str) else self._now
        self._spec: Any = module.__spec__
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        # The import system has just put the old name's there.
        module.__spec__ = self._spec


def install_finder() -> None:
    """Has old names found in this process; may be called again."""
    if not any(isinstance(finder, _OldPaths) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OldPaths())


def name_recurrent_layers(module: types.ModuleType) -> None:
    """Has recurrent layers found by their plain names.

    Args:
        module: `LAYERS`.
    """
    names = vars(module)
    for name in ("GRU", "GRUCell", "LSTM", "LSTMCell"):
        if f"{name}V1" in names:
            names.setdefault(name, names[f"{name}V1"])
