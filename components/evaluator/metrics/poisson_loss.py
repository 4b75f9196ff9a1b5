"""The loss of the estimator API's `PoissonRegressionHead` as a TFMA metric.

Private TFMA names: `merge_per_key_computations` and `Metric`, seen in 0.46.0, 0.47.1 and
0.52.0.
"""

from __future__ import annotations

from typing import Any

from tensorflow_model_analysis.metrics import metric_types, metric_util

from tfx_estimators.components.evaluator.metrics import by_example

__all__ = ["PoissonLoss"]


class PoissonLoss(metric_types.Metric):
    """Mean of `tf.nn.log_poisson_loss` with the full loss, over predicted rates.

    Args:
        name: name of the metric.
    """

    def __init__(self, name: str = "poisson_loss") -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name)


metric_types.register_metric(PoissonLoss)


# TFMA looks at the names to see what can be passed.
def _computations(
    name: str = "poisson_loss",
    eval_config: Any = None,
    model_name: str = "",
    output_name: str = "",
    sub_key: Any = None,
    aggregation_type: Any = None,
    class_weights: Any = None,
    example_weighted: bool = False,
) -> list[Any]:
    return by_example.computations(
        "PoissonLoss",
        {},
        name,
        eval_config,
        model_name,
        output_name,
        sub_key,
        aggregation_type,
        class_weights,
        example_weighted,
    )
