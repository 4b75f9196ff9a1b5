"""What the rows of a column's weights stand for, so that weights can move between models.

A row is a value of a vocabulary, a bucket, an id or a number. Where a model's columns learned
other things than an earlier model's, the same row number is something else.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator.columns.column_kind import UNKNOWN
from tfx_estimators.estimator.columns.nests import flatten
from tfx_estimators.estimator.columns.plan import ColumnPlan, Facts
from tfx_estimators.estimator.columns.table import kind_of
from tfx_estimators.json_text import dumps, finite

__all__ = ["Rows", "matched_rows", "row_count", "rows_of"]

_FRESH = -1


@dataclasses.dataclass(frozen=True)
class Rows:
    """What rows stand for, in every place where a model has a row for a column's values.

    A description is a JSON object: "kind", and what else decides which row is which. That of
    a vocabulary has its entries under "values", or a file of them under "file".

    Attributes:
        variables: end of a variable's name -> description of its rows.
        dense: scope of a dense column -> description of its elements, which are rows of the
            kernel that a network multiplies them with.
        features: end of a variable's name, or scope -> transformed features that it depends on.
        initializers: end of a variable's name -> what new rows begin with.
    """

    variables: dict[str, Any]
    dense: dict[str, Any]
    features: dict[str, tuple[str, ...]]
    initializers: dict[str, Any]


def rows_of(
    plan: ColumnPlan, model_columns: Any, facts: Facts, vocabulary: Callable[[str], str | None]
) -> Rows:
    """Describes the rows of all weights that the columns of a plan may have.

    Args:
        plan: the compiled columns.
        model_columns: what `plan.model_columns` returned.
        facts: what the analysis recorded.
        vocabulary: name under which a column learned a vocabulary -> path of its file, or
            None where it is not known.
    """
    rows_in = _Description(plan, facts, vocabulary)
    rows = Rows({}, {}, {}, {})
    pairs = zip(flatten(plan.columns), flatten(model_columns), strict=True)
    for (_, user), (_, model) in pairs:
        _add(rows, rows_in, plan, user, model)
    return rows


def _add(rows: Rows, rows_in: _Description, plan: ColumnPlan, user: Any, model: Any) -> None:
    features = tuple(plan.feature_names(user))

    def put(where: dict[str, Any], name: str, description: Any) -> None:
        where[name] = description
        # Several columns may share one embedding.
        rows.features[name] = (*rows.features.get(name, ()), *features)

    embedding = kind_of(user).embedding(model)
    if embedding is not None:
        size = {"kind": "dimensions", "size": model.variable_shape.num_elements()}
        put(rows.dense, model.name, size)
        name, initializer = embedding
        put(rows.variables, name, rows_in(user))
        rows.initializers[name] = initializer
        return
    description = rows_in(user)
    put(rows.variables, f"{model.name}/weights", description)
    put(rows.dense, model.name, description)


class _Description:
    def __init__(
        self, plan: ColumnPlan, facts: Facts, vocabulary: Callable[[str], str | None]
    ) -> None:
        self._plan = plan
        self._facts = facts
        self._vocabulary = vocabulary

    def __call__(self, column: Any) -> dict[str, Any]:
        description = kind_of(column).rows(column, self)
        if description["kind"] == "vocabulary" and "sha256" not in description:
            digest = hashlib.sha256("\n".join(_entries(description)).encode())
            return {**description, "sha256": digest.hexdigest()}
        return description

    def fact(self, column: Any, fact: str) -> Any:
        return self._plan.fact(self._facts, column, fact)

    def facts(self, column: Any) -> Mapping[str, Any]:
        if kind_of(column).learns(column) is None:
            return {}
        learned = self._facts[self._plan.learned_name(column)]
        return {fact: value for fact, value in learned.items() if fact != "count"}

    def vocabulary(self, column: Any) -> str | None:
        return self._vocabulary(self._plan.learned_name(column))


def row_count(description: Mapping[str, Any]) -> int:
    """How many rows there are."""
    if description["kind"] == "vocabulary":
        return int(description["entries"]) + int(description["oov"])
    if description["kind"] == "buckets":
        return (len(description["boundaries"]) + 1) * int(description["elements"])
    return int(description["size"])


def matched_rows(new: Mapping[str, Any], old: Mapping[str, Any], column: str) -> Any:
    """Which old row stands for what a new row stands for.

    Args:
        new: description of a column's rows.
        old: of the rows of the same column in another model.
        column: its name, for messages.

    Returns:
        int64 array: for every new row the old one's number, -1 where there was none.

    Raises:
        ColumnError: if that cannot be known.
    """
    if _compared(new) == _compared(old) and _is_known(new):
        return np.arange(row_count(new))
    if new["kind"] == old["kind"]:
        if new["kind"] == "vocabulary" and new["dtype"] == old["dtype"]:
            return _matched(_keys(new), _keys(old))
        if new["kind"] == "ids":
            return _matched(range(row_count(new)), range(row_count(old)))
        if new["kind"] == "buckets" and _same_source(new, old):
            return _matched_buckets(new, old)
        if new["kind"] == "numbers" and _compared({**new, "learned": old["learned"]}) == old:
            return np.arange(row_count(new))
    raise ColumnError(
        f"column {column!r} computes different values than in the base model: "
        f"{_short(new)} instead of {_short(old)}",
        expected="an unchanged column, or one whose values can be matched in both: a "
        "vocabulary, ids or buckets",
        fix="rename the column so that it starts from scratch, or leave base_model out",
    )


def _entries(description: Mapping[str, Any]) -> Iterator[str]:
    """The entries of a vocabulary, quoted: one may have a line break in it."""
    entries: Any = description["values"]
    if description["file"] is not None:
        with tf.io.gfile.GFile(description["file"], "rb") as file:
            lines = file.read().split(b"\n")[: description["entries"]]
        entries = (line.decode("utf-8", "backslashreplace") for line in lines)
    return map(dumps, entries)


def _keys(description: Mapping[str, Any]) -> list[str]:
    oov = description["oov"]
    return [*_entries(description), *(f"{row} of {oov} for others" for row in range(oov))]


def _matched(new: Any, old: Any) -> Any:
    known = {key: row for row, key in enumerate(old)}
    return np.array([known.get(key, _FRESH) for key in new], np.int64)


def _matched_buckets(new: Mapping[str, Any], old: Mapping[str, Any]) -> Any:
    """A bucket has the weight of the old one that it lies in."""
    before = list(_intervals(old["boundaries"]))
    one = []
    for low, high in _intervals(new["boundaries"]):
        holds = (i for i, (start, end) in enumerate(before) if start <= low and high <= end)
        one.append(next(holds, _FRESH))
    matched = np.array(one, np.int64)
    elements = np.arange(new["elements"])[:, np.newaxis] * len(before)
    return np.where(matched == _FRESH, _FRESH, matched + elements).reshape(-1)


def _intervals(boundaries: Any) -> Iterator[tuple[float, float]]:
    return itertools.pairwise([-np.inf, *boundaries, np.inf])


def _same_source(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    return bool(
        new["elements"] == old["elements"] and _compared(new["source"]) == _compared(old["source"])
    )


def _is_known(description: Any) -> bool:
    if isinstance(description, Mapping):
        return description.get("kind") != UNKNOWN and all(map(_is_known, description.values()))
    return not isinstance(description, list) or all(map(_is_known, description))


def _compared(description: Any) -> Any:
    """Without where it lies."""
    if isinstance(description, Mapping):
        hidden = ("file", "values") if "sha256" in description else ()
        return {k: _compared(v) for k, v in description.items() if k not in hidden}
    if isinstance(description, (list, tuple)):
        return [_compared(item) for item in description]
    return description


def _short(description: Mapping[str, Any]) -> str:
    shown = dumps(finite(_compared(description)))
    longest = 200
    return shown if len(shown) <= longest else f"{shown[:longest]}..."
