"""How facts are written on artifacts: names, types, and reading them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

__all__ = [
    "BEGAN",
    "CHECKPOINT_TYPE",
    "COLUMNS_FILE",
    "COLUMNS_TYPE",
    "ENDED",
    "METRIC",
    "TOLD",
    "Value",
    "chunks",
    "fill",
    "number_of",
    "value_of",
    "values_of",
]

CHECKPOINT_TYPE = "tfx_estimators.Checkpoint"
"""The artifact type of checkpoints."""

COLUMNS_TYPE, COLUMNS_FILE = "tfx_estimators.FeatureColumns", "columns.json"
"""The artifact type of feature columns, and the file in it."""

METRIC = "metric."
"""Begins the names of a checkpoint's properties that hold what was measured at its step."""

BEGAN, ENDED = "tfx_estimators.began", "tfx_estimators.ended"
"""Of executions that were imported, in seconds since 1970 (UTC): ML Metadata's own times are
those of the import."""

TOLD = (
    "step",
    "global_examples",
    "pushed_version",
    "blessed",
    "span",
    "split_names",
    "trials",
    "objective",
    "score",
)
"""The properties of an artifact that people are told where it is listed, besides metrics."""

Value = str | int | float
_T = TypeVar("_T")
_AT_A_TIME = 400  # ML Metadata puts all of them into one SQL statement.


def value_of(thing: Any, name: str) -> Value | None:
    """A custom property's value, else a property's; None if it has neither."""
    for properties in (thing.custom_properties, thing.properties):
        if name in properties:
            value = properties[name]
            kind = value.WhichOneof("value")
            if kind in ("string_value", "int_value", "double_value", "bool_value"):
                found: Value = getattr(value, kind)
                return found
    return None


def values_of(thing: Any) -> dict[str, Value]:
    """All custom properties that hold plain values."""
    named = {name: value_of(thing, name) for name in sorted(thing.custom_properties)}
    return {name: value for name, value in named.items() if value is not None}


def fill(properties: Any, values: dict[str, Value]) -> None:
    """Puts plain values into a proto's map of properties."""
    for name, value in values.items():
        if isinstance(value, str):
            properties[name].string_value = value
        elif isinstance(value, float):
            properties[name].double_value = value
        else:
            properties[name].int_value = int(value)


def number_of(text: str) -> int | None:
    """The number by which ML Metadata knows something, where a text is one."""
    # Python refuses to read thousands of digits.
    if not text.isdecimal() or len(text) > 19 or int(text) >= 1 << 63:
        return None
    return int(text)


def chunks(things: Iterable[_T]) -> Iterator[Sequence[_T]]:
    """All of them, in parts that one request can hold."""
    listed = list(things)
    for start in range(0, len(listed), _AT_A_TIME):
        yield listed[start : start + _AT_A_TIME]
