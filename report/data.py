"""The section on the data: statistics of each feature, train against eval, and anomalies."""

from __future__ import annotations

import dataclasses
import itertools
import math
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.report.parts import Figure, Heading, Missing, Part, Section, Table, Text
from tfx_estimators.report.plots import columns, histogram
from tfx_estimators.report.subject import Subject
from tfx_estimators.report.wording import number, share

__all__ = ["data_section"]

_STATISTICS, _ANOMALIES = "ExampleStatistics", "ExampleAnomalies"
_FILES = {_STATISTICS: "FeatureStats.pb", _ANOMALIES: "SchemaDiff.pb"}
_MOST_FIGURES = 30
_MOST_VALUES = 6
_BUCKETS = 12
_STANDARD = 0  # tfmd.Histogram.HistogramType.STANDARD


@dataclasses.dataclass(frozen=True)
class _Feature:
    """A feature in one split.

    Attributes:
        kind: "numbers", "text" or another kind of tfmd's.
        examples: how many the split has.
        missing: share of them without a value.
        facts: what is said of its values.
        mean: of numbers.
        deviation: the standard deviation of numbers.
        buckets: of numbers: from, to, and how many there are between.
        values: share of the commonest ones, for texts.
    """

    kind: str
    examples: int
    missing: float
    facts: str
    mean: float = 0.0
    deviation: float = 0.0
    buckets: Sequence[tuple[float, float, float]] = ()
    values: Mapping[str, float] = dataclasses.field(default_factory=dict)


def data_section(subject: Subject) -> Section:
    """Statistics and anomalies of the examples that the run read."""
    parts: list[Part] = []
    statistics = _of_run(subject, _STATISTICS)
    if statistics:
        splits = {name: _features(content) for name, content in statistics.items()}
        parts += _statistics(splits)
    else:
        parts.append(
            Missing(
                "There are no statistics of the examples: add TFX's StatisticsGen to the pipeline."
            )
        )
    return Section("data", "Data", [*parts, Heading("Anomalies"), *_anomalies(subject)])


def _of_run(subject: Subject, type_name: str) -> dict[str, bytes]:
    """Content by split of the first artifact of a type that is there."""
    for artifact in subject.made(type_name):
        files, name = files_for(artifact.uri), _FILES[type_name]
        found = {}
        if not files.exists(artifact.uri):
            continue
        for inside, _, names in sorted(files.walk(artifact.uri)):
            if name in map(str, names):
                split = posixpath.basename(str(inside).rstrip("/")).removeprefix("Split-")
                with files.open(f"{str(inside).rstrip('/')}/{name}", "rb") as file:
                    found[split] = file.read()
        if found:
            # The split that was trained on first, as readers expect it.
            return dict(sorted(found.items(), key=lambda one: (one[0] != "train", one[0])))
    return {}


def _features(content: bytes) -> dict[str, _Feature]:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    found = {}
    for dataset in statistics_pb2.DatasetFeatureStatisticsList.FromString(content).datasets:
        for feature in dataset.features:
            name = ".".join(feature.path.step) or feature.name
            found[name] = _feature(feature, int(dataset.num_examples))
    return found


def _feature(feature: Any, examples: int) -> _Feature:
    kind = feature.WhichOneof("stats")
    common = getattr(feature, kind).common_stats
    there = common.num_non_missing
    if common.max_num_values == 1:
        # An example may have the feature, and no value in it.
        there = common.tot_num_values
    missing = 1 - there / max(examples, 1)
    if kind == "num_stats":
        numbers = feature.num_stats
        plain = [one for one in numbers.histograms if one.type == _STANDARD]
        buckets = list(plain[0].buckets) if plain else []
        return _Feature(
            "numbers",
            examples,
            missing,
            f"mean {number(numbers.mean)} ± {number(numbers.std_dev)}, "
            f"{number(numbers.min)} to {number(numbers.max)}",
            mean=numbers.mean,
            deviation=numbers.std_dev,
            buckets=[(one.low_value, one.high_value, one.sample_count) for one in buckets],
        )
    if kind == "string_stats":
        texts = feature.string_stats
        return _Feature(
            "text",
            examples,
            missing,
            f"{number(texts.unique)} values",
            values={one.value: one.frequency / max(there, 1) for one in texts.top_values},
        )
    return _Feature(str(kind).removesuffix("_stats"), examples, missing, "")


def _statistics(splits: Mapping[str, Mapping[str, _Feature]]) -> list[Part]:
    names = list(dict.fromkeys(name for found in splits.values() for name in found))
    sizes = {
        split: max((one.examples for one in found.values()), default=0)
        for split, found in splits.items()
    }
    compared = list(splits)[:2]
    distances = {
        name: _distance(*(splits[split][name] for split in compared))
        for name in names
        if len(compared) == 2 and all(name in splits[split] for split in compared)
    }
    apart = f"{compared[0]} ≠ {compared[1]}" if len(compared) == 2 else ""
    headers = ["Feature", "Kind"]
    for split in splits:
        headers += [f"Missing in {split}", f"Values in {split}"]
    rows: list[list[Any]] = []
    for name in names:
        one = next(found[name] for found in splits.values() if name in found)
        row: list[Any] = [name, one.kind]
        for found in splits.values():
            here = found.get(name)
            row += [share(here.missing), here.facts or None] if here else [None, None]
        rows.append([*row, *([number(distances.get(name))] if apart else [])])
    if apart:
        headers.append(apart)
    counted = ", ".join(f"{number(count)} in {split}" for split, count in sizes.items())
    parts: list[Part] = [Text(f"{len(names)} features; examples: {counted}.")]
    if apart:
        parts.append(
            Text(
                "The last column says how far the two splits lie apart: for text the largest "
                "difference of a value's share, for numbers the difference of the means in "
                "standard deviations. 0 is equal."
            )
        )
    parts.append(Table("Features", headers, rows, folded=len(rows) > 40))
    # Those that lie furthest apart are what a reader looks for.
    first = sorted(names, key=lambda name: -(distances.get(name) or 0.0))[:_MOST_FIGURES]
    shown = [name for name in names if name in first]
    if len(shown) < len(names):
        parts.append(
            Text(f"The {len(shown)} features of {len(names)} whose splits lie furthest apart:")
        )
    for name in shown:
        figure = _figure(name, {s: found[name] for s, found in splits.items() if name in found})
        if figure is not None:
            parts.append(figure)
    return parts


def _distance(one: _Feature, other: _Feature) -> float | None:
    if one.kind == other.kind == "text":
        names = one.values.keys() | other.values.keys()
        return max((abs(one.values.get(n, 0) - other.values.get(n, 0)) for n in names), default=0.0)
    if one.kind == other.kind == "numbers":
        deviation = max(one.deviation, other.deviation)
        return abs(one.mean - other.mean) / deviation if deviation else 0.0
    return None


def _figure(name: str, found: Mapping[str, _Feature]) -> Figure | None:
    first = next(iter(found.values()))
    said = "; ".join(
        f"{split}: {one.facts}, {share(one.missing)} missing" for split, one in found.items()
    )
    if first.kind == "text" and first.values:
        values = list(first.values)[:_MOST_VALUES]
        common = ", ".join(f"{value} {share(first.values[value])}" for value in values)
        return columns(
            name,
            f"Shares of the commonest values of {name}: {common}. {said}.",
            values,
            [(split, [one.values.get(v, 0.0) for v in values]) for split, one in found.items()],
        )
    there = {split: one.buckets for split, one in found.items() if one.buckets}
    low = min((bucket[0] for buckets in there.values() for bucket in buckets), default=0.0)
    high = max((bucket[1] for buckets in there.values() for bucket in buckets), default=0.0)
    if not low < high < math.inf or low == -math.inf:
        return None
    # Each split has buckets of its own: heights can be compared over the same ones only.
    edges = [low + (high - low) * at / _BUCKETS for at in range(_BUCKETS + 1)]
    return histogram(
        name,
        f"Histogram of {name}. {said}.",
        [(split, edges, _shares(buckets, edges)) for split, buckets in there.items()],
        small=True,
    )


def _shares(buckets: Sequence[tuple[float, float, float]], edges: Sequence[float]) -> list[float]:
    """The share of the values between any two edges, even within each bucket."""
    shares = [0.0] * (len(edges) - 1)
    total = sum(count for _, _, count in buckets) or 1.0
    for low, high, count in buckets:
        for at, (begin, end) in enumerate(itertools.pairwise(edges)):
            if high > low:
                shares[at] += count * max(0.0, min(high, end) - max(low, begin)) / (high - low)
            elif begin <= low < end or (low == end and at == len(shares) - 1):
                shares[at] += count
    return [one / total for one in shares]


def _anomalies(subject: Subject) -> list[Part]:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    found = _of_run(subject, _ANOMALIES)
    if not found:
        return [
            Missing("Nothing has looked for anomalies: add TFX's ExampleValidator to the pipeline.")
        ]
    severity = anomalies_pb2.AnomalyInfo.Severity.Name
    rows = [
        [name, split, severity(info.severity).lower(), info.description or info.short_description]
        for split, content in found.items()
        for name, info in anomalies_pb2.Anomalies.FromString(content).anomaly_info.items()
    ]
    if not rows:
        return [Text(f"None in {', '.join(found)}: the examples are as the schema says.")]
    return [Table("Anomalies", ["Feature", "Split", "Severity", "What"], rows)]
