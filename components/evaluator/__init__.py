"""`EstimatorEvaluator` and the report it writes.

* `spec`: what the pipeline sees.
* `component`: wiring, checked when the pipeline is defined.
* `executor`: runs an evaluation: one Beam pipeline, then the verdict.
* `preparation`: models, heads, columns and examples of an evaluation, found and checked.
* `sample`: labels and predictions of some of an evaluation's examples.
* `eval_config`: TFMA's EvalConfig: reading it, refusing what cannot be honoured, filling gaps.
* `eval_config_messages`: the messages of TFMA's EvalConfig.
* `inputs`: from examples to what TFMA's evaluators read.
* `metrics`: metrics of this package, and computing them over whole batches.
* `model_analysis`: TensorFlow Model Analysis as this package uses it.
* `outcome`: what an evaluation comes to: metrics, verdict, blessing, skew.
* `report`: a short account of an evaluation: metrics by slice, thresholds, the verdict.
* `baseline`: which model a new one is compared with.
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
