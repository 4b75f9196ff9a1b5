"""A trained model as a Keras 3 model: `tfx-estimators export-keras`.

* `keras_file`: `export_keras`: makes the model, compares it, and writes it.
* `parity`: how far a Keras model's predictions are from those of the model that it was made of.
* `trained_estimator`: the estimator that a model was exported from, made again.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.pipelines.keras_export.keras_file import export_keras

__all__ = ["export_keras"]


def __getattr__(name: str) -> Any:
    # TensorFlow takes seconds to import; only what is asked for is.
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.keras_file"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
