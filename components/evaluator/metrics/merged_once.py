"""TFMA's own metrics, with each part of the examples counted once.

Several of TFMA's combiners take the first of the accumulators that are to be merged out of an
iterator, and then merge all of them into it. Beam gives a tuple, from which the first is not
taken away: it counts twice. With one accumulator, as on one machine, the ratio stays right;
where an engine shares the examples out, mean losses and errors are wrong.

Private TFMA names: `metric_specs.to_computations` and `MetricComputation`, seen in 0.46.0,
0.47.1 and 0.52.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam
from tensorflow_model_analysis.metrics import metric_specs

__all__ = ["MergedOnce", "merge_each_part_once"]

_MODULES = frozenset(
    f"tensorflow_model_analysis.metrics.{name}"
    for name in (
        "cross_entropy_metrics",
        "flip_metrics",
        "mean_regression_error",
        "model_cosine_similarity",
        "prediction_difference_metrics",
    )
)


class MergedOnce(beam.CombineFn):
    """Another combiner, which gets the accumulators as an iterator.

    Args:
        combiner: TFMA's.
    """

    def __init__(self, combiner: beam.CombineFn) -> None:
        self._combiner = combiner

    def setup(self, *args: Any, **kwargs: Any) -> None:
        """See `beam.CombineFn`, as for all others."""
        self._combiner.setup(*args, **kwargs)

    def create_accumulator(self, *args: Any, **kwargs: Any) -> Any:
        """An empty accumulator."""
        return self._combiner.create_accumulator(*args, **kwargs)

    def add_input(self, accumulator: Any, element: Any, *args: Any, **kwargs: Any) -> Any:
        """The accumulator with one more example."""
        return self._combiner.add_input(accumulator, element, *args, **kwargs)

    def merge_accumulators(self, accumulators: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        """All of them, each once."""
        return self._combiner.merge_accumulators(iter(accumulators), *args, **kwargs)

    def compact(self, accumulator: Any, *args: Any, **kwargs: Any) -> Any:
        """A smaller accumulator."""
        return self._combiner.compact(accumulator, *args, **kwargs)

    def extract_output(self, accumulator: Any, *args: Any, **kwargs: Any) -> Any:
        """The metrics."""
        return self._combiner.extract_output(accumulator, *args, **kwargs)

    def teardown(self, *args: Any, **kwargs: Any) -> None:
        """The end."""
        self._combiner.teardown(*args, **kwargs)


def merge_each_part_once() -> None:
    """From now on, pipelines that this process makes of TFMA's metrics merge them so."""
    if not isinstance(metric_specs.to_computations, _ToComputations):
        metric_specs.to_computations = _ToComputations(metric_specs.to_computations)


class _ToComputations:
    """TFMA's `to_computations`, with combiners that merge each part once."""

    def __init__(self, original: Callable[..., list[Any]]) -> None:
        self._original = original

    def __call__(self, *args: Any, **kwargs: Any) -> list[Any]:
        return [_merged_once(one) for one in self._original(*args, **kwargs)]


def _merged_once(computation: Any) -> Any:
    combiner = getattr(computation, "combiner", None)
    if type(combiner).__module__ not in _MODULES:
        return computation
    return computation._replace(combiner=MergedOnce(combiner))
