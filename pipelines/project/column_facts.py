"""What a column holds, as far as it matters for choosing a feature column."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfx_estimators.pipelines.project.data_file import Column, ValueKind

__all__ = ["DATE_FORMATS", "ColumnFacts", "DateFormat", "facts_of"]

_MOST_FREQUENT = 50
# A column of numbers may have such a share of other texts, "n/a" say, and so many kinds.
_OTHER_TEXTS, _KINDS_OF_OTHER_TEXTS = 0.3, 5
_POINT = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
_COMMA = r"^\s*[-+]?\d+(,\d+)?\s*$"
_THOUSANDS = r"^\s*[-+]?\d{1,3},\d{3}\s*$"


@dataclasses.dataclass(frozen=True)
class DateFormat:
    """A way to write dates.

    Attributes:
        shown: as people write it, e.g. "YYYY-MM-DD".
        pattern: of a whole text, a regular expression that RE2 and Python read alike.
        groups: the groups with year, month and day.
    """

    shown: str
    pattern: str
    groups: tuple[int, int, int]


DATE_FORMATS = (
    DateFormat("YYYY-MM-DD", r"(\d{4})-(\d{1,2})-(\d{1,2})([ T].*)?", (1, 2, 3)),
    DateFormat("YYYY/MM/DD", r"(\d{4})/(\d{1,2})/(\d{1,2})([ T].*)?", (1, 2, 3)),
    DateFormat("DD.MM.YYYY", r"(\d{1,2})\.(\d{1,2})\.(\d{4})( .*)?", (3, 2, 1)),
    DateFormat("DD/MM/YYYY", r"(\d{1,2})/(\d{1,2})/(\d{4})( .*)?", (3, 2, 1)),
    DateFormat("MM/DD/YYYY", r"(\d{1,2})/(\d{1,2})/(\d{4})( .*)?", (3, 1, 2)),
)
"""The formats that are recognized. Where days and months could be swapped, none is."""


@dataclasses.dataclass(frozen=True)
class ColumnFacts:
    """What a column holds.

    Attributes:
        name: of the column.
        kind: of its values.
        rows: how many rows there are.
        missing: how many of them have no value.
        width: values a row; None where that differs.
        values: how many values there are.
        distinct: how many different ones.
        frequent: the most frequent with their counts, the most frequent first.
        low, high, middle: the least, the greatest and the median number; of dates the years.
        skew: third standardized moment of the numbers; 0 for other values.
        not_numbers: how many values of a column of numbers are NaN or infinite.
        words: words a text, on average.
        decimal: "." or "," where nearly all texts are numbers written so; else "".
        date: the format where all texts are dates.
    """

    name: str
    kind: ValueKind
    rows: int
    missing: int
    width: int | None
    values: int
    distinct: int
    frequent: tuple[tuple[Any, int], ...]
    low: float = 0.0
    high: float = 0.0
    middle: float = 0.0
    skew: float = 0.0
    not_numbers: int = 0
    words: float = 0.0
    decimal: str = ""
    date: DateFormat | None = None


def facts_of(column: Column) -> ColumnFacts:
    """Looks at a column."""
    counted = pc.value_counts(column.values)
    order = sorted(
        zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True),
        key=lambda pair: (-pair[1], str(pair[0])),
    )
    facts = ColumnFacts(
        name=column.name,
        kind=column.kind,
        rows=column.rows,
        missing=column.missing,
        width=column.width,
        values=len(column.values),
        distinct=len(order),
        frequent=tuple(order[:_MOST_FREQUENT]),
    )
    if column.kind is ValueKind.TEXT:
        return _with_text(facts, [text for text, _ in order], column.values)
    if column.kind in (ValueKind.INTEGER, ValueKind.NUMBER):
        return _with_numbers(facts, column.values.to_numpy())
    return facts


def _with_numbers(facts: ColumnFacts, numbers: Any) -> ColumnFacts:
    finite = numbers[np.isfinite(numbers)].astype(np.float64)
    facts = dataclasses.replace(facts, not_numbers=len(numbers) - len(finite))
    if not len(finite):
        return facts
    spread = finite.std()
    skew = float((((finite - finite.mean()) / spread) ** 3).mean()) if spread else 0.0
    return dataclasses.replace(
        facts,
        low=float(finite.min()),
        high=float(finite.max()),
        middle=float(np.median(finite)),
        skew=skew,
    )


def _with_text(facts: ColumnFacts, texts: Sequence[str], values: Any) -> ColumnFacts:
    words = pc.sum(pc.list_value_length(pc.utf8_split_whitespace(values))).as_py()
    facts = dataclasses.replace(
        facts, words=(words or 0) / max(1, facts.values), date=_date_format(texts)
    )
    if facts.date is not None:
        year = facts.date.groups[0]
        matches = (re.fullmatch(facts.date.pattern, text, re.ASCII) for text in texts)
        return _with_numbers(facts, np.array([float(match[year]) for match in matches if match]))
    decimal, is_number = _decimal(texts, values)
    if not decimal:
        return facts
    text = values.filter(is_number)
    if decimal == ",":
        text = pc.replace_substring(text, ",", ".")
    numbers = pc.utf8_trim_whitespace(text).cast(pa.float64()).to_numpy()
    return dataclasses.replace(_with_numbers(facts, numbers), decimal=decimal)


def _date_format(texts: Sequence[str]) -> DateFormat | None:
    fitting = [one for one in DATE_FORMATS if all(_is_date(text, one) for text in texts)]
    return fitting[0] if len(fitting) == 1 else None


def _is_date(text: str, form: DateFormat) -> bool:
    match = re.fullmatch(form.pattern, text, re.ASCII)
    if match is None:
        return False
    _, month, day = (int(match[group]) for group in form.groups)
    return 1 <= month <= 12 and 1 <= day <= 31


def _decimal(texts: Sequence[str], values: Any) -> tuple[str, Any]:
    """The decimal mark of texts that are numbers but for a few, and which of them are."""
    for mark, pattern in ((".", _POINT), (",", _COMMA)):
        others = [text for text in texts if not re.match(pattern, text, re.ASCII)]
        if len(others) > _KINDS_OF_OTHER_TEXTS or len(others) == len(texts):
            continue
        if mark == "," and all(re.match(_THOUSANDS, t) for t in texts if "," in t):
            continue  # 1,234 could be a thousand.
        is_number = pc.match_substring_regex(values, pattern)
        if pc.sum(is_number).as_py() >= (1 - _OTHER_TEXTS) * len(values):
            return mark, is_number
    return "", None
