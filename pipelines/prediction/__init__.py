"""Predictions for the rows of a file, beside the file's own columns.

* `model_place`: the SavedModel that a path, a version or a model's number means.
* `feature_types`: which features a SavedModel reads, and of which types.
* `input_rows`: the rows of a file, as they are and as the model takes them.
* `prediction`: `predict_table` and `predict_file`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.pipelines.prediction.prediction import predict_file, predict_table

__all__ = ["predict_file", "predict_table"]


def __getattr__(name: str) -> Any:
    # TensorFlow takes seconds to import; only what is asked for is.
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.prediction"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
