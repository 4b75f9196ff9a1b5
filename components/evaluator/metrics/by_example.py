"""Measures of this package as TFMA metrics that take one example at a time.

Private TFMA names: `to_label_prediction_example_weight` and `MetricKey`, seen in 0.46.0,
0.47.1 and 0.52.0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from tfx_estimators.components.evaluator.metrics.measure_combiner import MeasureCombiner
from tfx_estimators.components.evaluator.metrics.measures import SliceRows

__all__ = ["computations_of"]


def computations_of(measure: str) -> Callable[..., list[Any]]:
    """The function that TFMA asks for a metric's computations.

    Args:
        measure: key of `MEASURES`.
    """
    return functools.partial(_computations, measure)


# TFMA passes what is among the names of the parameters.
def _computations(
    measure: str,
    /,
    name: str,
    curve: str = "",
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
    how = {
        "eval_config": eval_config,
        "model_name": model_name,
        "output_name": output_name,
        "sub_key": sub_key,
        "aggregation_type": aggregation_type,
        "class_weights": class_weights,
        "example_weighted": example_weighted,
    }
    combine = _Combine(key, measure, {"curve": curve} if curve else {}, how)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combine)]


class _Combine(MeasureCombiner):
    """Adds up a measure's sums, value by value."""

    def __init__(
        self, key: Any, of: str, settings: Mapping[str, Any], how: Mapping[str, Any]
    ) -> None:
        super().__init__(key, of, settings)
        self._how = how

    def add_input(self, accumulator: Any, element: Any) -> Any:
        found = list(metric_util.to_label_prediction_example_weight(element, **self._how))
        if not found:
            return accumulator
        labels, predictions, weights = (
            np.array([one.item() for one in column]) for column in zip(*found, strict=True)
        )
        rows = SliceRows(labels[:, None], predictions[:, None], weights)
        return self._add(accumulator, rows)
