"""The fast path: TFMA's pipeline over whole batches instead of single examples.

TFMA takes a dict an example and calls every metric for it. Where all metrics are sums
(`measures`), each is replaced by a metric of the same name that takes the rows of a batch
which fall into the same slices. Slices, comparisons with a baseline, thresholds and files
are TFMA's own either way.

Private TFMA names: `merge_per_key_computations`, `Metric`, `MetricComputation`,
`MetricKey` and the keys of a metric's input, seen in 0.46.0, 0.47.1 and 0.52.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from tfx_estimators.components.evaluator.metrics.measure_combiner import MeasureCombiner
from tfx_estimators.components.evaluator.metrics.measures import MEASURES, SliceRows
from tfx_estimators.json_text import dumps

__all__ = ["BatchMetric", "metric_classes", "over_batches", "why_by_example"]

_OWN = "tfx_estimators.components.evaluator"
_OPTIONS = {
    "compute_confidence_intervals": "confidence intervals draw single examples",
    "min_slice_size": "min_slice_size counts single examples",
}


def why_by_example(config: Any, outputs: Iterable[str] | Mapping[str, Iterable[str]]) -> str | None:
    """Why an evaluation has to go example by example; None if batches will do.

    Args:
        config: a resolved EvalConfig.
        outputs: the signature outputs that are measured, as `Head.like` calls them; by the
            heads' names in a multi-head model.
    """
    by_head = outputs if isinstance(outputs, Mapping) else {"": outputs}
    if config.options.compute_confidence_intervals.value:
        return _OPTIONS["compute_confidence_intervals"]
    if config.options.min_slice_size.value > 1:
        return _OPTIONS["min_slice_size"]
    for spec in config.metrics_specs:
        for option in ("binarize", "aggregate"):
            if spec.HasField(option):
                return f"metrics_specs.{option} is computed class by class"
        for metric in spec.metrics:
            measure = MEASURES.get(metric.class_name)
            if measure is None or not f"{metric.module}.".startswith((".", f"{_OWN}.")):
                return f"the metric {metric.class_name} is not a sum over rows"
            unknown = sorted(set(_settings(metric)) - {"name", *measure.settings})
            if unknown:
                return f"the metric {metric.class_name} has the setting {unknown[0]}"
            measured = {one for head in spec.output_names or by_head for one in by_head[head]}
            other = sorted(measured - set(measure.outputs)) if measure.outputs else []
            if other:
                return f"the metric {metric.class_name} is for the output {other[0]}"
    return None


def metric_classes(config: Any) -> dict[str, frozenset[str]]:
    """Class names of the metrics that are asked for, by head; "" for all heads."""
    names: dict[str, frozenset[str]] = {}
    for spec in config.metrics_specs:
        asked = frozenset(str(metric.class_name) for metric in spec.metrics)
        for head in spec.output_names or ("",):
            names[head] = names.get(head, frozenset()) | asked
    return names


def over_batches(config: Any) -> Any:
    """The same evaluation with metrics that take batches.

    Args:
        config: one that `why_by_example` has nothing against.
    """
    batched = type(config)()
    batched.CopyFrom(config)
    for spec in batched.metrics_specs:
        for metric in spec.metrics:
            settings = {"name": MEASURES[metric.class_name].name, **_settings(metric)}
            metric.config = dumps({**settings, "of": metric.class_name})
            metric.class_name = BatchMetric.__name__
            metric.module = __name__
    return batched


def _settings(metric: Any) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(metric.config) if metric.config else {}
    return settings


class BatchMetric(metric_types.Metric):
    """A metric of `measures` over extracts that hold many rows each.

    Args:
        name: name of the metric.
        of: key of `MEASURES`.
        curve: setting of "EstimatorAUC".
    """

    def __init__(self, name: str, of: str, curve: str = "ROC") -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_computations), name=name, of=of, curve=curve
        )


metric_types.register_metric(BatchMetric)


def _computations(
    name: str,
    of: str,
    curve: str,
    model_name: str = "",
    output_name: str = "",
    sub_key: Any = None,
    example_weighted: bool = False,
) -> list[Any]:
    key = metric_types.MetricKey(
        name=name,
        model_name=model_name,
        output_name=output_name,
        sub_key=sub_key,
        example_weighted=example_weighted,
    )
    combiner = _Combine(key, of, {"curve": curve})
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)]


class _Combine(MeasureCombiner):
    """Adds up a measure's sums, batch by batch."""

    def add_input(self, accumulator: Any, element: Any) -> Any:
        labels, predictions = self._own(element, "labels"), self._own(element, "predictions")
        weights = np.ones(len(labels))
        if self._key.example_weighted and element.get("example_weights") is not None:
            weights = self._own(element, "example_weights").astype(np.float64)[:, 0]
        return self._add(accumulator, SliceRows(labels, predictions, weights))

    def _own(self, element: Any, key: str) -> Any:
        """Of this metric's model and head, where there are several."""
        found = element[key]
        for name in (self._key.model_name, self._key.output_name):
            if isinstance(found, Mapping) and name in found:
                found = found[name]
        # What is of all heads, such as the number of examples, is of any.
        return next(iter(found.values())) if isinstance(found, Mapping) else found
