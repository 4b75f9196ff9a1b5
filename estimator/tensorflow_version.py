"""Which TensorFlow this is, and whether the runtime knows it.

TensorFlow held the Estimator API up to 2.15. From 2.16 on the runtime loads the
`tensorflow_estimator` package itself and needs `tf_keras`, the Keras 2 that the
package was written for.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from typing import Any

from tfx_estimators.errors import MissingDependencyError, TensorFlowVersionError
from tfx_estimators.supported import ESTIMATOR_PACKAGE
from tfx_estimators.supported import TENSORFLOW as SUPPORTED

__all__ = ["SUPPORTED", "has_own_estimators", "supported_tensorflow", "version_of"]

_FIRST_WITHOUT_ESTIMATORS = (2, 16)


def version_of(tensorflow: Any) -> tuple[int, int]:
    """Major and minor version of an imported TensorFlow."""
    found = re.match(r"(\d+)\.(\d+)", str(getattr(tensorflow, "__version__", "")))
    return _numbers(found.groups()) if found else (0, 0)


def _numbers(parts: tuple[str, ...]) -> tuple[int, int]:
    major, minor = parts
    return int(major), int(minor)


def has_own_estimators(tensorflow: Any) -> bool:
    """Whether this TensorFlow still ships with `tf.estimator`."""
    return version_of(tensorflow) < _FIRST_WITHOUT_ESTIMATORS


def supported_tensorflow() -> Any:
    """Imports TensorFlow and checks that estimators can run on it.

    Returns:
        The `tensorflow` module.

    Raises:
        TensorFlowVersionError: if TensorFlow is missing or outside `SUPPORTED`.
        MissingDependencyError: if TensorFlow lacks estimators and a package that
            stands in for them is not installed.
    """
    try:
        tensorflow = importlib.import_module("tensorflow")
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise TensorFlowVersionError(
            "TensorFlow is not installed",
            expected=f"tensorflow{SUPPORTED}",
            fix=f"pip install 'tensorflow{SUPPORTED}'",
        ) from error
    version = version_of(tensorflow)
    first, first_unknown = re.findall(r"(\d+)\.(\d+)", SUPPORTED)
    if not _numbers(first) <= version < _numbers(first_unknown):
        raise TensorFlowVersionError(
            f"TensorFlow {getattr(tensorflow, '__version__', '?')} is installed",
            expected=f"tensorflow{SUPPORTED}",
            fix=f"pip install 'tensorflow{SUPPORTED}'",
        )
    if not has_own_estimators(tensorflow):
        _require("tensorflow_estimator", f"tensorflow-estimator{ESTIMATOR_PACKAGE}", tensorflow)
        _require("tf_keras", "tf-keras=={}.{}.*".format(*version), tensorflow)
    return tensorflow


def _require(package: str, requirement: str, tensorflow: Any) -> None:
    if package in sys.modules or importlib.util.find_spec(package) is not None:
        return
    raise MissingDependencyError(
        f"the package {package!r} is not installed",
        expected=f"{requirement}: TensorFlow {tensorflow.__version__} does not include estimators",
        fix=f"pip install '{requirement}'",
    )
