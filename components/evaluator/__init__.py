"""`EstimatorEvaluator` and the report it writes.

* `analysis`: TensorFlow Model Analysis as this package uses it.
* `auc`: the estimator API's AUC as a TFMA metric: the same buckets, in constant time an example.
* `baseline`: which model a new one is compared with: the newest blessed one but itself.
* `batch_metrics`: the fast path: TFMA's pipeline over whole batches instead of single examples.
* `blessing`: the ModelBlessing artifact, as TFX's Evaluator writes it.
* `by_example`: measures of this package as TFMA metrics that take one example at a time.
* `columns`: which columns an evaluation reads, and from where: raw examples or the transform.
* `component`: `EstimatorEvaluator`: sliced metrics, thresholds and a blessing.
* `defined_auc`: TFMA's own AUC, but undefined where there is no curve.
* `eval_config`: TFMA's EvalConfig: reading it, refusing what cannot be honoured, filling gaps.
* `executor`: runs an evaluation: one Beam pipeline, then the verdict.
* `extracts`: from serialized examples to what TFMA's evaluators take: extracts, of one or many
  rows.
* `findings`: from TFMA's result messages to a `Report`: plain functions over protocol buffers.
* `heads`: what a model predicts, read off its signature: the heads of the Estimator API.
* `labels`: from a label column to the numbers that a head's metrics take.
* `measures`: metrics as sums over rows: what the fast path computes, in NumPy alone.
* `poisson`: the loss of the estimator API's `PoissonRegressionHead` as a TFMA metric.
* `report`: a short account of an evaluation: metrics by slice, thresholds, the verdict.
* `skew`: whether a model is served what it was trained on.
* `spec`: what `EstimatorEvaluator` reads, writes and takes.
* `stock_metrics`: metrics that an Evaluator of TFX's own has left.
* `transformed_columns`: columns that the transform graph makes from raw examples, such as the
  label.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.components.evaluator.component import EstimatorEvaluator
    from tfx_estimators.components.evaluator.report import (
        Check,
        FeatureSkew,
        Report,
        Skew,
        SliceMetrics,
        load_report,
    )

__all__ = [
    "Check",
    "EstimatorEvaluator",
    "FeatureSkew",
    "Report",
    "Skew",
    "SliceMetrics",
    "load_report",
]


def __getattr__(name: str) -> Any:
    # TFX takes seconds to import; only what is asked for is.
    if name in __all__:
        home = "component" if name == "EstimatorEvaluator" else "report"
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
