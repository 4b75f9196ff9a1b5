"""The estimator API's AUC as a TFMA metric: the same buckets, in constant time an example.

TFMA's own AUC either reads counts off a histogram with other boundaries, which differs
in the fifth digit, or compares every example with every threshold, which takes about a
millisecond each.

Private TFMA names: `merge_per_key_computations` and `Metric`, seen in 0.46.0, 0.47.1 and
0.52.0.
"""

from __future__ import annotations

from tensorflow_model_analysis.metrics import metric_types, metric_util

from tfx_estimators.components.evaluator.metrics.by_example import computations_of

__all__ = ["EstimatorAUC"]


class EstimatorAUC(metric_types.Metric):
    """Area under the ROC or the precision-recall curve, as `estimator.evaluate` gives it.

    Args:
        name: name of the metric.
        curve: "ROC" or "PR".
    """

    def __init__(self, name: str = "auc", curve: str = "ROC") -> None:
        super().__init__(
            metric_util.merge_per_key_computations(computations_of("EstimatorAUC")),
            name=name,
            curve=curve,
        )


metric_types.register_metric(EstimatorAUC)
