"""Measures of this package as TFMA metrics that take one example at a time.

Private TFMA names: `to_label_prediction_example_weight` and `MetricKey`, seen in 0.46.0,
0.47.1 and 0.52.0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from tfx_estimators.components.evaluator.metrics.measures import MEASURES, SliceRows

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


class _Combine(beam.CombineFn):
    """Adds up a measure's sums, value by value."""

    def __init__(
        self, key: Any, of: str, settings: Mapping[str, Any], how: Mapping[str, Any]
    ) -> None:
        self._key = key
        self._of = of
        self._settings = settings
        self._how = how

    def create_accumulator(self) -> Any:
        return np.zeros(MEASURES[self._of].size)

    def add_input(self, accumulator: Any, element: Any) -> Any:
        found = list(metric_util.to_label_prediction_example_weight(element, **self._how))
        if not found:
            return accumulator
        labels, predictions, weights = (
            np.array([one.item() for one in column]) for column in zip(*found, strict=True)
        )
        rows = SliceRows(labels[:, None], predictions[:, None], weights)
        return accumulator + MEASURES[self._of].sums(rows)

    def merge_accumulators(self, accumulators: Iterable[Any]) -> Any:
        return np.sum(list(accumulators), axis=0)

    def extract_output(self, accumulator: Any) -> dict[Any, float]:
        return {self._key: MEASURES[self._of].value(accumulator, self._settings)}
