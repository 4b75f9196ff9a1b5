"""Giving TensorFlow its Estimator API back, for modules that look for it there.

Only names are added; nothing of TensorFlow or of the process's `tf.keras` is replaced.
What is added loads the estimator package when it is used.

Private names relied on, seen on 2.16 to 2.21. TensorFlow makes its public modules twice:
`tf.compat.v1` is `tensorflow._api.v2.compat.v1` until somebody imports
`tensorflow.compat.v1`, which is executed anew and takes its place; so are the `compat.v1`
and `compat.v2` inside of them. `tf.keras` is a
`tensorflow.python.util.lazy_loader.KerasLazyLoader`, then `keras._tf_keras.keras`, and
`tensorflow.keras` once that is imported. Each of them is given the names when it appears.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any, Literal

from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.estimator import (
    autograph,
    keras_2_modules,
    keras_3_import,
    loading,
    old_paths,
    repairs,
    tensorflow_version,
    tensorflow_view,
)
from tfx_estimators.estimator.later_finders import find_wrapped
from tfx_estimators.estimator.namespace import LazyNamespace
from tfx_estimators.estimator.wrapped_loader import WrappedLoader

__all__ = ["activate", "activate_with_tensorflow"]

_V1_PARTS = ("experimental", "export", "inputs", "tpu", "tpu.experimental")
_V2_PARTS = ("experimental", "export", "inputs")

_lock = threading.RLock()


def activate(*, keras: Literal[2] | None = None) -> None:
    """Makes `tf.estimator` work in this process.

    From TensorFlow 2.16 on, restores `estimator` in `tf` and in every `compat.v1` and
    `compat.v2` of it, the same as importable modules (`from tensorflow import estimator`,
    `import tensorflow.compat.v1.estimator`), `tf.keras.estimator.model_to_estimator`, and
    the private modules of `old_paths`. Modules outside site-packages that use estimators
    and are imported from then on see Keras 2 as `tf.keras`, and so does what they import.
    TensorFlow 2.15 has all of it: there only faults of its own estimators are put right.

    May be called at any time, from any thread and as often as wished; imports
    TensorFlow, but not the estimators.

    Args:
        keras: 2 makes Keras 2 the `tf.keras` of the whole process and of the processes that
            it starts, as TF_USE_LEGACY_KERAS=1 does: for scripts and notebooks, which no
            component loads. To be said before TensorFlow is imported.

    Raises:
        TensorFlowVersionError: if TensorFlow is missing or not supported.
        MissingDependencyError: if `tensorflow-estimator` or `tf-keras` is not installed.
        UnsupportedOptionError: if TensorFlow, with Keras 3, was imported before `keras=2`.
    """
    if keras is not None:
        _take_keras_2(keras)
    tensorflow = tensorflow_version.supported_tensorflow()
    loading.install_finder()
    if tensorflow_version.has_own_estimators(tensorflow):
        with _lock:
            repairs.repair_loaded()
        return
    with _lock:
        if isinstance(vars(tensorflow).get("estimator"), LazyNamespace):
            return
        autograph.leave_libraries_alone()
        # Needs TensorFlow, which this module is imported without.
        from tfx_estimators.estimator import fetches

        fetches.remember_fetches()
        old_paths.install_finder()
        keras_2_modules.recognize_makers()
        given = _given()
        sys.meta_path.insert(0, _Giver(given))
        for name, give in given.items():
            for module in (sys.modules.get(name), _reached(tensorflow, name)):
                if module is not None:
                    give(module)


def activate_with_tensorflow() -> None:
    """Does what `activate()` does, as soon as somebody imports TensorFlow.

    For processes that may never do so. What `activate()` raises is raised by that import,
    which leaves Keras 3 to who uses it (`keras_3_import`).
    """
    if "tensorflow" in sys.modules:
        activate()
        return
    loading.install_finder()
    with _lock:
        # A module that uses estimators is found before it imports TensorFlow.
        keras_2_modules.recognize_makers()
        if not any(isinstance(finder, _Awaiter) for finder in sys.meta_path):
            sys.meta_path.insert(0, _Awaiter())


def _take_keras_2(version: int) -> None:
    if version != 2:
        raise UnsupportedOptionError(
            f"activate(keras={version!r}) was called",
            expected="keras=2, or no argument for TensorFlow's own Keras",
        )
    tensorflow = sys.modules.get("tensorflow")
    if keras_2_modules.is_keras_2_everywhere() or (
        tensorflow is not None and tensorflow_version.has_own_estimators(tensorflow)
    ):
        return
    if tensorflow is not None:
        raise UnsupportedOptionError(
            "activate(keras=2) was called after TensorFlow had been imported",
            expected="a call before the first import of tensorflow, which selects Keras",
            fix="move the call to the top and restart, or set TF_USE_LEGACY_KERAS=1",
        )
    os.environ[keras_2_modules.SWITCH] = "1"


def _given() -> dict[str, Callable[[types.ModuleType], None]]:
    """What gives a module its names, by the module's name: to public ones their `estimator`.

    The namespaces are put into `sys.modules` too, so that they can be imported.
    """
    v1, v2 = (loading.V1_API, _V1_PARTS), (loading.V2_API, _V2_PARTS)
    namespaces = {}
    for name in tensorflow_view.NAMESPACES:
        of_v1 = name.endswith(".v1")
        namespaces[name] = _importable(f"{name}.estimator", *(v1 if of_v1 else v2))
        keras = tensorflow_view.KERAS_2_V1 if of_v1 else tensorflow_view.KERAS_2
        namespaces[f"{name}.keras"] = _importable(f"{name}.keras.estimator", f"{keras}.estimator")
    namespaces["keras._tf_keras.keras"] = namespaces["tensorflow.keras"]
    given = {name: _giving(namespace) for name, namespace in namespaces.items()}
    return {**given, old_paths.LAYERS: old_paths.name_recurrent_layers}


def _reached(tensorflow: types.ModuleType, name: str) -> types.ModuleType | None:
    """The module that goes by this name among TensorFlow's attributes, loading nothing."""
    module: Any = tensorflow
    for part in name.split(".")[1:]:
        module = vars(module).get(part)
        if module is None:
            return None
    return module if isinstance(module, types.ModuleType) else None


def _importable(name: str, target: str, parts: Sequence[str] = ()) -> LazyNamespace:
    for part in parts:
        sys.modules[f"{name}.{part}"] = LazyNamespace(f"{name}.{part}", f"{target}.{part}")
    namespace = sys.modules[name] = LazyNamespace(name, target)
    return namespace


def _giving(namespace: LazyNamespace) -> Callable[[types.ModuleType], None]:
    def give(module: types.ModuleType) -> None:
        # Through the dictionary, because setting an attribute of a lazy `tf.keras` loads Keras.
        module.__dict__.setdefault("estimator", namespace)

    return give


class _Awaiter(importlib.abc.MetaPathFinder):
    """Activates when TensorFlow is imported."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        return find_wrapped(self, _TensorFlowLoader, fullname, path, target)


class _TensorFlowLoader(WrappedLoader):
    """Runs TensorFlow, and activates."""

    def exec_module(self, module: types.ModuleType) -> None:
        with keras_3_import.keras_3_postponed():
            self._inner.exec_module(module)
        activate()


class _Giver(importlib.abc.MetaPathFinder):
    """Gives modules their names when they are imported later.

    Args:
        given: what gives them, by the module's name.
    """

    def __init__(self, given: dict[str, Callable[[types.ModuleType], None]]) -> None:
        self._given = given

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        give = self._given.get(fullname)
        if give is None:
            return None
        return find_wrapped(self, lambda inner: _LoaderBefore(inner, give), fullname, path, target)


class _LoaderBefore(WrappedLoader):
    """Runs a module, and then does something with it.

    Args:
        inner: the module's own loader.
        do: what to do.
    """

    def __init__(self, inner: Any, do: Callable[[types.ModuleType], None]) -> None:
        super().__init__(inner)
        self._do = do

    def exec_module(self, module: types.ModuleType) -> None:
        self._inner.exec_module(module)
        self._do(module)
