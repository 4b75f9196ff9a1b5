"""The loss of the estimator API's `PoissonRegressionHead` as a TFMA metric.

Private TFMA names: `merge_per_key_computations` and `Metric`, seen in 0.46.0, 0.47.1 and
0.52.0.
"""

from __future__ import annotations

from tensorflow_model_analysis.metrics import metric_types, metric_util

from tfx_estimators.components.evaluator.metrics.by_example import computations_of

__all__ = ["PoissonLoss"]


class PoissonLoss(metric_types.Metric):
    """Mean of `tf.nn.log_poisson_loss` with the full loss, over predicted rates.

    Args:
        name: name of the metric.
    """

    def __init__(self, name: str = "poisson_loss") -> None:
        super().__init__(
            metric_util.merge_per_key_computations(computations_of("PoissonLoss")), name=name
        )


metric_types.register_metric(PoissonLoss)
