"""Giving TensorFlow its Estimator API back, for modules that look for it there.

Only names are added; nothing of TensorFlow or of the process's `tf.keras` is replaced.
What is added loads the estimator package when it is used.

Private names relied on, seen on 2.16 to 2.21. TensorFlow makes its public modules twice:
`tf.compat.v1` is `tensorflow._api.v2.compat.v1` until somebody imports
`tensorflow.compat.v1`, which is executed anew and takes its place. `tf.keras` is a
`tensorflow.python.util.lazy_loader.KerasLazyLoader`, then `keras._tf_keras.keras`, and
`tensorflow.keras` once that is imported. Each of them is given the names when it appears.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import threading
import types
from collections.abc import Sequence
from typing import Any

from tfx_estimators.estimator import (
    autograph,
    old_paths,
    package,
    repairs,
    tensorflow_view,
    versions,
)
from tfx_estimators.estimator.namespace import LazyNamespace

__all__ = ["activate"]

_V1_PARTS = ("experimental", "export", "inputs", "tpu", "tpu.experimental")
_V2_PARTS = ("experimental", "export", "inputs")

_lock = threading.RLock()


def activate() -> None:
    """Makes `tf.estimator` work in this process.

    From TensorFlow 2.16 on, restores `tf.estimator`, `tf.compat.v1.estimator`,
    `tf.compat.v2.estimator`, the same as importable modules (`from tensorflow import
    estimator`, `import tensorflow.compat.v1.estimator`), and
    `tf.keras.estimator.model_to_estimator`, and the private modules of `old_paths`.
    TensorFlow 2.15 has them all: there only
    faults of its own estimators are put right.

    May be called at any time, from any thread and as often as wished; imports
    TensorFlow, but not the estimators.

    Raises:
        TensorFlowVersionError: if TensorFlow is missing or not supported.
        MissingPackageError: if `tensorflow-estimator` or `tf-keras` is not installed.
    """
    tensorflow = versions.supported_tensorflow()
    package.install_finder()
    if versions.has_own_estimators(tensorflow):
        with _lock:
            repairs.repair_loaded()
        return
    with _lock:
        if isinstance(vars(tensorflow).get("estimator"), LazyNamespace):
            return
        autograph.leave_keras_2_alone()
        old_paths.install_finder()
        given = _given()
        sys.meta_path.insert(0, _Giver(given))
        for name, namespace in given.items():
            if name in sys.modules:
                _give(sys.modules[name], namespace)
        _give(tensorflow.compat.v1, given["tensorflow.compat.v1"])
        _give(tensorflow.compat.v2, given["tensorflow.compat.v2"])
        for owner in (tensorflow, tensorflow.compat.v2):
            _give(vars(owner)["keras"], given["tensorflow.keras"])


def _given() -> dict[str, LazyNamespace]:
    """What each public module is given as its `estimator`, by the module's name.

    The namespaces are put into `sys.modules` too, so that they can be imported.
    """
    v1, v2 = (package.V1_API, _V1_PARTS), (package.V2_API, _V2_PARTS)
    keras = _importable("tensorflow.keras.estimator", f"{tensorflow_view.KERAS_2}.estimator")
    return {
        "tensorflow": _importable("tensorflow.estimator", *v2),
        "tensorflow.compat.v1": _importable("tensorflow.compat.v1.estimator", *v1),
        "tensorflow.compat.v2": _importable("tensorflow.compat.v2.estimator", *v2),
        "tensorflow.keras": keras,
        "keras._tf_keras.keras": keras,
    }


def _importable(name: str, target: str, parts: Sequence[str] = ()) -> LazyNamespace:
    for part in parts:
        sys.modules[f"{name}.{part}"] = LazyNamespace(f"{name}.{part}", f"{target}.{part}")
    namespace = sys.modules[name] = LazyNamespace(name, target)
    return namespace


def _give(module: types.ModuleType, namespace: LazyNamespace) -> None:
    # Through the dictionary, because setting an attribute of a lazy `tf.keras` loads Keras.
    module.__dict__.setdefault("estimator", namespace)


class _Giver(importlib.abc.MetaPathFinder):
    """Gives modules their `estimator` when they are imported later.

    Args:
        given: the namespaces by the importing module's name.
    """

    def __init__(self, given: dict[str, LazyNamespace]) -> None:
        self._given = given

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        namespace = self._given.get(fullname)
        if namespace is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _GivingLoader(spec.loader, namespace)
        return spec


class _GivingLoader(importlib.abc.Loader):
    def __init__(self, inner: Any, namespace: LazyNamespace) -> None:
        self._inner = inner
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        module: types.ModuleType | None = self._inner.create_module(spec)
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        self._inner.exec_module(module)
        _give(module, self._namespace)
