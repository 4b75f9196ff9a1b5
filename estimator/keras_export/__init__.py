"""Canned estimators as Keras 3 models, for those who move on.

* `canned`: what a canned estimator is made of, read off the estimator itself.
* `column_layers`: feature columns as layers of Keras.
* `keras_network`: `to_keras`: the whole estimator, with its weights.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.estimator.keras_export.keras_network import to_keras

__all__ = ["to_keras"]


def __getattr__(name: str) -> Any:
    # TensorFlow takes seconds to import; only what is asked for is.
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.keras_network"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
