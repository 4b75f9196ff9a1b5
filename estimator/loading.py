"""Loading the estimator package, and modules that use it, over a TensorFlow without it.

A finder on `sys.meta_path` wraps the package's loaders; from TensorFlow 2.16 on they run
each module with builtins whose `__import__` hands out views of TensorFlow. It serves
whoever imports `tensorflow_estimator`: this project, a library, or a pickle.

`tensorflow-estimator` 2.15 and `tf-estimator-nightly` 2.16 share their files' names, and
either may be the one that was installed last: both work.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import pathlib
import sys
import threading
import types
from collections.abc import Sequence
from typing import Any

from tfx_estimators.estimator import keras_2_modules, tensorflow_version
from tfx_estimators.estimator.later_finders import find_later
from tfx_estimators.estimator.wrapped_loader import WrappedLoader

__all__ = ["PACKAGE", "V1_API", "V2_API", "give_keras_2", "install_finder", "load"]

PACKAGE = "tensorflow_estimator"
V1_API = f"{PACKAGE}.python.estimator.api._v1.estimator"
V2_API = f"{PACKAGE}.python.estimator.api._v2.estimator"

_lock = threading.RLock()


class _Loader(WrappedLoader):
    """Runs a module where it sees views of TensorFlow."""

    def exec_module(self, module: types.ModuleType) -> None:
        from tfx_estimators.estimator import autograph, repairs, tensorflow_view

        tensorflow = importlib.import_module("tensorflow")
        if tensorflow_version.has_own_estimators(tensorflow):
            self._inner.exec_module(module)
            repairs.repair(module, own_estimators=True)
            return
        if module.__name__ == PACKAGE:
            autograph.leave_libraries_alone()
        tensorflow_view.restore_export_names()
        code = self._inner.get_code(module.__name__)
        module.__dict__["__builtins__"] = tensorflow_view.builtins_with_views()
        exec(code, module.__dict__)
        repairs.repair(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the package, and modules that are to see Keras 2, as Python does; wraps the loaders."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        of_package = fullname.partition(".")[0] == PACKAGE
        if not of_package and not keras_2_modules.is_asked_about(fullname):
            return None
        spec = find_later(self, fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        if not of_package and not keras_2_modules.includes(fullname, spec):
            return spec
        if isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader)
        return spec


_finder = _Finder()


def install_finder() -> None:
    """Puts the finder first on `sys.meta_path`, once. Imports nothing."""
    with _lock:
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
            _forget_broken_imports()


def give_keras_2(*, folder: str | None = None, module: str | None = None) -> None:
    """Lets modules that are imported from now on see Keras 2 as their `tf.keras`.

    Modules that make estimators were written for it: Keras 3 layers, metrics and
    optimizers do not work in an estimator's graph. What such a module imports as
    `tensorflow` is a view in which `tf.keras`, `tf.compat.v1.keras`, `tf.compat.v1.layers`
    and their kin are tf_keras's, and so it is in what the module imports in its turn
    (`keras_2_modules`). Other modules of the process are not affected.

    Args:
        folder: every module directly in this folder.
        module: this module. If others have imported it before, so that it saw Keras 3,
            it is imported anew by who asks next.
    """
    install_finder()
    with _lock:
        if folder is not None:
            keras_2_modules.see_keras_2_in(pathlib.Path(folder))
        if module is not None:
            keras_2_modules.see_keras_2(module)


def _forget_broken_imports() -> None:
    """Drops modules of the package that were imported before the finder was there.

    Without the finder the package's import fails half way on TensorFlow 2.16 and later;
    Python keeps the half that did load, and it holds the wrong Keras.
    """
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None or tensorflow_version.has_own_estimators(tensorflow):
        return
    for name in [n for n in sys.modules if n.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def load(name: str) -> Any:
    """Imports a module of the package.

    Raises:
        TensorFlowVersionError: if TensorFlow is missing or not supported.
        MissingDependencyError: if `tensorflow-estimator` or `tf-keras` is not installed.
    """
    tensorflow_version.supported_tensorflow()
    install_finder()
    return importlib.import_module(name)
