"""The packages of the extra `kubeflow`: not needed where pipelines only run locally."""

from __future__ import annotations

import importlib
from typing import Any

from tfx_estimators.errors import MissingDependencyError

__all__ = ["from_extra"]


def from_extra(module: str) -> Any:
    """Imports a module of kfp's packages.

    Args:
        module: its name, e.g. "kfp.kubernetes".

    Raises:
        MissingDependencyError: if it is not installed, or lacks something itself.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"{module} cannot be imported: {error}",
            expected="kfp and kfp-kubernetes",
            fix="pip install 'tfx-estimators[kubeflow]'",
        ) from error
