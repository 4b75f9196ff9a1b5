"""TensorFlow's import without Keras 3, which is imported when somebody uses it.

The last thing that `import tensorflow` does is to import Keras, so that its optimizers are
registered for `tf.saved_model.load`. Keras 2 registers some. Keras 3 registers none (seen on
3.12 and 3.15), and importing it, with matplotlib, scikit-learn and pandas where they are
installed, takes a third of TensorFlow's import. `tf.keras` imports it when it is first used.

Private names relied on, seen on 2.16 to 2.21: TensorFlow tolerates an ImportError there, and
`tf.keras` is a `KerasLazyLoader`, whose `_initialize` selects the Keras that `tf.keras` is.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import sys
import types
from collections.abc import Iterator, Sequence

from tfx_estimators.estimator import keras_2_modules
from tfx_estimators.estimator.later_finders import importing_module

__all__ = ["keras_3_postponed"]

_KERAS = "keras"


@contextlib.contextmanager
def keras_3_postponed() -> Iterator[None]:
    """Has TensorFlow, if the block imports it, leave Keras 3 for later.

    Nothing is changed for other Keras versions, for who has imported Keras before, and with
    TF_USE_LEGACY_KERAS=1. Which Keras `tf.keras` is, is decided by that variable as it is now:
    TensorFlow would decide at its first use, and TensorFlow Transform sets the variable.
    """
    version = _version()
    if version is None:
        yield
        return
    finder = _Postponer()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
    if finder.has_postponed:
        _select_keras_3(sys.modules["tensorflow"], version)


def _version() -> str | None:
    """The version of Keras 3, if that is what TensorFlow's import would import."""
    if _KERAS in sys.modules or keras_2_modules.is_keras_2_selected():
        return None
    try:
        version = importlib.metadata.version(_KERAS)
    except importlib.metadata.PackageNotFoundError:
        return None
    return version if version.startswith("3.") else None


class _Postponer(importlib.abc.MetaPathFinder):
    """Refuses Keras to TensorFlow's own `__init__`."""

    has_postponed = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _KERAS or importing_module() != "tensorflow":
            return None
        self.has_postponed = True
        raise ImportError("Keras is imported when it is used", name=fullname)


def _select_keras_3(tensorflow: types.ModuleType, version: str) -> None:
    """Settles that `tf.keras` is Keras 3, and answers for the version, which libraries ask for."""
    keras = vars(tensorflow)[_KERAS]
    stand_in = types.ModuleType(_KERAS)
    stand_in.__dict__["__version__"] = version
    sys.modules[_KERAS] = stand_in
    try:
        keras._initialize()
    finally:
        del sys.modules[_KERAS]
    # What Keras has under this name takes the place when it is imported.
    vars(keras)["version"] = lambda: version
