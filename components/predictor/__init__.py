"""`EstimatorPredictor`.

* `component`: `EstimatorPredictor`: predictions for every example of an Examples artifact.
* `executor`: runs the predictions: read batches, call the model, write records.
* `log_encoding`: predictions to serialized PredictionLogs, whole columns at a time.
* `predictions`: predictions as records: PredictionLog messages, or examples with more features;
  or as rows beside the examples' own.
* `spec`: what `EstimatorPredictor` reads, writes and takes.
* `table_sink`: CSV and Parquet files, written whole record batches at a time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.components.predictor.component import EstimatorPredictor

__all__ = ["EstimatorPredictor"]


def __getattr__(name: str) -> Any:
    # TFX takes seconds to import; only what is asked for is.
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.component"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
