"""TFMA's own AUC, but undefined where there is no curve.

Without positive examples, or for the ROC curve without negative ones, TFMA's gives 0, which
looks like the worst model there is and fails every threshold.

Private TFMA names: `AUC._metric_value` and its arguments, seen in 0.46.0, 0.47.1 and 0.52.0.
"""

from __future__ import annotations

from typing import Any

from tensorflow_model_analysis.metrics import confusion_matrix_metrics, metric_types

__all__ = ["DefinedAUC", "DefinedAUCPrecisionRecall", "with_defined_areas"]


class DefinedAUC(confusion_matrix_metrics.AUC):
    """`AUC` that is NaN where there is no curve; takes the same settings."""

    def _metric_value(self, curve: str, summation_method: str, key: Any, matrices: Any) -> float:
        if _has_curve(curve, matrices):
            return float(super()._metric_value(curve, summation_method, key, matrices))
        return float("nan")


class DefinedAUCPrecisionRecall(confusion_matrix_metrics.AUCPrecisionRecall):
    """`AUCPrecisionRecall` that is NaN where there is no curve; takes the same settings."""

    def _metric_value(self, curve: str, summation_method: str, key: Any, matrices: Any) -> float:
        if _has_curve(curve, matrices):
            return float(super()._metric_value(curve, summation_method, key, matrices))
        return float("nan")


for _metric in (DefinedAUC, DefinedAUCPrecisionRecall):
    metric_types.register_metric(_metric)

_DEFINED = {"AUC": DefinedAUC, "AUCPrecisionRecall": DefinedAUCPrecisionRecall}


def with_defined_areas(config: Any) -> Any:
    """A copy of an EvalConfig in which TFMA's areas are replaced by these."""
    copy = type(config)()
    copy.CopyFrom(config)
    for spec in copy.metrics_specs:
        for metric in spec.metrics:
            if metric.class_name in _DEFINED and not metric.module:
                metric.class_name = _DEFINED[metric.class_name].__name__
                metric.module = __name__
    return copy


def _has_curve(curve: str, matrices: Any) -> bool:
    positive, negative = matrices.tp[0] + matrices.fn[0], matrices.fp[0] + matrices.tn[0]
    return bool(positive > 0 and (negative > 0 or curve.upper() != "ROC"))
