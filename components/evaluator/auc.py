"""The estimator API's AUC as a TFMA metric: the same buckets, in constant time an example.

TFMA's own AUC either reads counts off a histogram with other boundaries, which differs
in the fifth digit, or compares every example with every threshold, which takes about a
millisecond each.

Private TFMA names: `merge_per_key_computations`, `to_label_prediction_example_weight`,
`Metric`, `MetricComputation` and `MetricKey`, seen in 0.46.0, 0.47.1 and 0.52.0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from tfx_estimators.components.evaluator.measures import AUC_BUCKETS, Rows, auc_sums, auc_value

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
    key = metric_types.MetricKey(
        name=name,
        model_name=model_name,
        output_name=output_name,
        sub_key=sub_key,
        aggregation_type=aggregation_type,
        example_weighted=example_weighted,
    )
    combine = _Combine(key, curve, eval_config, aggregation_type, class_weights, example_weighted)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combine)]


class _Combine(beam.CombineFn):
    """Sums weights by bucket of the prediction, apart for each label."""

    def __init__(
        self,
        key: Any,
        curve: str,
        eval_config: Any,
        aggregation_type: Any,
        class_weights: Any,
        example_weighted: bool,
    ) -> None:
        self._key = key
        self._curve = curve
        self._settings = {
            "eval_config": eval_config,
            "model_name": key.model_name,
            "output_name": key.output_name,
            "sub_key": key.sub_key,
            "aggregation_type": aggregation_type,
            "class_weights": class_weights,
            "example_weighted": example_weighted,
        }

    def create_accumulator(self) -> Any:
        return np.zeros(2 * AUC_BUCKETS)

    def add_input(self, accumulator: Any, element: Any) -> Any:
        found = list(metric_util.to_label_prediction_example_weight(element, **self._settings))
        if not found:
            return accumulator
        labels, predictions, weights = (
            np.array([one.item() for one in column]) for column in zip(*found, strict=True)
        )
        rows = Rows(labels[:, None], predictions[:, None], weights)
        return accumulator + auc_sums(rows)

    def merge_accumulators(self, accumulators: Iterable[Any]) -> Any:
        return np.sum(list(accumulators), axis=0)

    def extract_output(self, accumulator: Any) -> dict[Any, float]:
        return {self._key: auc_value(accumulator, {"curve": self._curve})}
