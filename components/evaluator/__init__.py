"""`EstimatorEvaluator` and the report it writes."""

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
