"""What a column asks about a feature's values, and the summary of them that answers it.

A summary takes values as they come and merges with summaries of other values, in any order
and in any process: it is what one pass over the data keeps of it.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfx_estimators.components.transform.distinct import too_large

__all__ = [
    "Answer",
    "Numbers",
    "Quantiles",
    "Question",
    "Summary",
    "Vocabulary",
    "VocabularySummary",
]

Answer = dict[str, Any]
"""What was found out: numbers, lists of numbers and strings by name, as JSON has them."""

# Share of the examples by which a bucket may miss its size, and how many examples that holds
# for: as TF Transform's `quantiles` has them.
QUANTILES_ERROR = 0.001
_MOST_EXAMPLES = 1 << 32
# Values of a vocabulary are counted a batch at a time; so many are kept before they are added up.
_MOST_PENDING = 1 << 20


class Summary(Protocol):
    """A summary of a feature's values."""

    def add(self, values: pa.Array) -> None:
        """Takes a batch's values, flat and without nulls."""

    def merge(self, other: Any) -> None:
        """Takes what another summary of the same kind has taken."""

    def answer(self) -> Answer:
        """What the question asks; the summary takes no more values after that."""


class Question(Protocol):
    """A question about a feature's values: equal questions have one answer."""

    @property
    def feature(self) -> str:
        """The raw feature."""

    def summary(self) -> Any:
        """An empty summary, a `Summary` that answers it."""


@dataclasses.dataclass(frozen=True)
class Numbers:
    """How many values there are, their moments and their range.

    The answer: `count`, and as floats `mean`, `variance` (of the population), `minimum` and
    `maximum`, NaN where there are no values.
    """

    feature: str

    def summary(self) -> _NumbersSummary:
        """See `Question`."""
        return _NumbersSummary()


@dataclasses.dataclass(frozen=True)
class Quantiles:
    """Boundaries that divide the values into `buckets` parts of about the same size.

    The answer: `boundaries`, `buckets - 1` floats; zeros where there are no values.
    """

    feature: str
    buckets: int

    def summary(self) -> _QuantilesSummary:
        """See `Question`."""
        return _QuantilesSummary(self.buckets)


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The different values, by falling frequency and then by falling value.

    The empty string and strings with a line break are no entries.

    The answer: `entries`, bytes.

    Attributes:
        feature: strings or integers.
        name: under which the column learns it.
        top_k: most entries, None for all.
        frequency_threshold: fewest occurrences of an entry, None for one.
    """

    feature: str
    name: str
    top_k: int | None
    frequency_threshold: int | None

    def summary(self) -> VocabularySummary:
        """See `Question`."""
        return VocabularySummary(self)


class _NumbersSummary:
    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0  # Sum of the squared distances to the mean.
        self._minimum = np.float32(np.inf)
        self._maximum = np.float32(-np.inf)

    def add(self, values: pa.Array) -> None:
        numbers = _numbers(values)
        if not numbers.size:
            return
        other = _NumbersSummary()
        other._count = numbers.size
        # NaN and infinity go through to the answer, which says then that there is no number.
        with np.errstate(invalid="ignore", over="ignore"):
            exact = numbers.astype(np.float64)
            other._mean = float(exact.mean())
            other._squares = float(np.square(exact - other._mean).sum())
        other._minimum, other._maximum = numbers.min(), numbers.max()
        self.merge(other)

    def merge(self, other: _NumbersSummary) -> None:
        if not other._count:
            return
        count = self._count + other._count
        away = other._mean - self._mean
        self._squares += other._squares + away * away * self._count * other._count / count
        self._mean += away * other._count / count
        self._count = count
        self._minimum = np.minimum(self._minimum, other._minimum)
        self._maximum = np.maximum(self._maximum, other._maximum)

    def answer(self) -> Answer:
        if not self._count:
            return {"count": 0, **dict.fromkeys(_MEASURES, float("nan"))}
        found: list[Any] = [
            self._mean,
            self._squares / self._count,
            self._minimum,
            self._maximum,
        ]
        return {"count": self._count, **dict(zip(_MEASURES, map(float, found), strict=True))}


class _QuantilesSummary:
    def __init__(self, buckets: int) -> None:
        from tfx_bsl import sketches

        self._buckets = buckets
        self._sketch = sketches.QuantilesSketch(QUANTILES_ERROR, _MOST_EXAMPLES, 1)

    def add(self, values: pa.Array) -> None:
        self._sketch.AddValues(pa.array(_numbers(values)))

    def merge(self, other: _QuantilesSummary) -> None:
        self._sketch.Merge(other._sketch)

    def answer(self) -> Answer:
        found = self._sketch.GetQuantiles(self._buckets).to_pylist()
        # The first and the last are the minimum and the maximum.
        inner = found[0][1:-1] if found else [0.0] * (self._buckets - 1)
        return {"boundaries": np.asarray(inner, np.float32).tolist()}


class VocabularySummary:
    """Counts a feature's different values."""

    def __init__(self, question: Vocabulary) -> None:
        self._question = question
        self._counted: list[pa.Table] = []
        self._distinct = 0  # Values that were added up already.
        self._pending = 0

    def add(self, values: pa.Array) -> None:
        """See `Summary`."""
        counted = values.value_counts()
        self._take(pa.table(counted.flatten(), names=["value", "count"]))

    def merge(self, other: VocabularySummary) -> None:
        """See `Summary`."""
        for table in other._counted:
            self._take(table)

    def check_size(self, most: int) -> None:
        """Ends the analysis once it has had more values than a whole vocabulary may have.

        Args:
            most: how many there may be.

        Raises:
            ColumnError: if there are more, and all of them are to be entries.
        """
        asked = self._question
        if asked.top_k is not None or asked.frequency_threshold is not None:
            return
        if self._pending > most:
            self._add_up()
        if self._distinct > most:
            raise too_large(asked.name, f"more than {most}", most)

    def answer(self) -> Answer:
        """See `Summary`."""
        self._add_up()
        if not self._counted:
            return {"entries": []}
        table = _as_entries(self._counted[0])
        if self._question.frequency_threshold is not None:
            often = pc.greater_equal(table["count"], self._question.frequency_threshold)
            table = table.filter(often)
        table = table.sort_by([("count", "descending"), ("value", "descending")])
        return {"entries": table["value"][: self._question.top_k].to_pylist()}

    def _take(self, table: pa.Table) -> None:
        self._counted.append(table)
        self._pending += table.num_rows
        if self._pending > max(self._distinct, _MOST_PENDING):
            self._add_up()

    def _add_up(self) -> None:
        if len(self._counted) > 1:
            together = pa.concat_tables(self._counted)
            added = together.group_by("value").aggregate([("count", "sum")])
            self._counted = [
                pa.table([added["value"], added["count_sum"]], names=["value", "count"])
            ]
        self._distinct = sum(table.num_rows for table in self._counted)
        self._pending = 0


_MEASURES = ("mean", "variance", "minimum", "maximum")


def _numbers(values: pa.Array) -> Any:
    # Integers become the float32 numbers that TensorFlow makes of them.
    return values.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)


def _as_entries(table: pa.Table) -> pa.Table:
    """With values as a vocabulary's file has them, without those that it cannot have."""
    values = table["value"]
    if pa.types.is_integer(values.type):
        texts = values.cast(pa.string()).cast(pa.large_binary())
        return pa.table([texts, table["count"]], names=["value", "count"])
    broken = pc.match_substring_regex(values, r"[\n\r]")
    return table.filter(pc.and_(pc.greater(pc.binary_length(values), 0), pc.invert(broken)))
