"""Metrics that an Evaluator of TFX's own has left."""

from __future__ import annotations

from tfx_estimators.components.evaluator.outcome.findings import slice_metrics

__all__ = ["stock_metrics"]

_BASELINE = "baseline"  # TFMA's name for it.


def stock_metrics(evaluation_uri: str) -> dict[str, dict[str, float]]:
    """Scalar metrics by slice, named as those of `EstimatorEvaluator` are.

    Args:
        evaluation_uri: of the ModelEvaluation artifact.

    Returns:
        None at all where there are none, or none that TFMA reads.
    """
    import tensorflow as tf
    from tensorflow_model_analysis.api import model_eval_lib

    try:
        if not tf.io.gfile.exists(evaluation_uri):
            return {}
        results = list(model_eval_lib.load_metrics(evaluation_uri))
    except (OSError, ValueError, RuntimeError, tf.errors.OpError):
        return {}
    return {one.slice: dict(one.metrics) for one in slice_metrics(results, _BASELINE)}
