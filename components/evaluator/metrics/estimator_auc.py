"""The estimator API's AUC as a TFMA metric: the same buckets, in constant time an example.

TFMA's own AUC either reads counts off a histogram with other boundaries, which differs
in the fifth digit, or compares every example with every threshold, which takes about a
millisecond each.

Private TFMA names: `merge_per_key_computations` and `Metric`, seen in 0.46.0, 0.47.1 and
0.52.0.
"""

from __future__ import annotations

from typing import Any

from tensorflow_model_analysis.metrics import metric_types, metric_util

from tfx_estimators.components.evaluator.metrics import by_example

__all__ = ["EstimatorAUC"]


class EstimatorAUC(metric_types.Metric):
    """Area under the ROC or the precision-recall curve, as `estimator.evaluate` gives it.

    Args:
        name: name of the metric.
        curve: "ROC" or "PR".
    """

    def __init__(self, name: str = "auc", curve: str = "ROC") -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_computations), name=name, curve=curve
        )


metric_types.register_metric(EstimatorAUC)


# TFMA looks at the names to see what can be passed.
def _computations(
    name: str = "auc",
    curve: str = "ROC",
    eval_config: Any = None,
    model_name: str = "",
    output_name: str = "",
    sub_key: Any = None,
    aggregation_type: Any = None,
    class_weights: Any = None,
    example_weighted: bool = False,
) -> list[Any]:
    return by_example.computations(
        "EstimatorAUC",
        {"curve": curve},
        name,
        eval_config,
        model_name,
        output_name,
        sub_key,
        aggregation_type,
        class_weights,
        example_weighted,
    )
