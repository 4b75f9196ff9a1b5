"""A measure of this package as a combiner of Beam, whatever its rows come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
import numpy as np

from tfx_estimators.components.evaluator.metrics.measures import MEASURES, SliceRows

__all__ = ["MeasureCombiner"]


class MeasureCombiner(beam.CombineFn):
    """Adds up a measure's sums; whoever extends it says what an input's rows are.

    Args:
        key: the metric's `MetricKey`.
        of: key of `MEASURES`.
        settings: of the metric.
    """

    def __init__(self, key: Any, of: str, settings: Mapping[str, Any]) -> None:
        self._key = key
        self._of = of
        self._settings = settings

    def create_accumulator(self) -> Any:
        """Sums of no rows."""
        return np.zeros(MEASURES[self._of].size)

    def merge_accumulators(self, accumulators: Iterable[Any]) -> Any:
        """The sums of all."""
        return np.sum(list(accumulators), axis=0)

    def extract_output(self, accumulator: Any) -> dict[Any, float]:
        """The metric's value."""
        return {self._key: MEASURES[self._of].value(accumulator, self._settings)}

    def _add(self, accumulator: Any, rows: SliceRows) -> Any:
        return accumulator + MEASURES[self._of].sums(rows)
