"""Selects artifacts, executions and contexts by conditions.

ml-metadata 1.21 turns no filter query into SQL any more. In an SQLite file the tables
themselves answer, see `tables`; elsewhere all things of the type asked for are read.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from tfx_estimators.lineage.database.tables import find_numbers
from tfx_estimators.lineage.properties import chunks, value_of
from tfx_estimators.lineage.store import Store

__all__ = ["Condition", "Kind", "select"]

Kind = Literal["artifacts", "executions", "contexts"]


class Condition(NamedTuple):
    """What something has to be.

    Attributes:
        name: "id", "name", "uri", "state", or the name of a custom property.
        sign: "=", "!=", "<", "<=", ">", ">=", "IN" or "PREFIX".
        value: what to compare with; several for "IN".
    """

    name: str
    sign: str
    value: Any


FIELDS = ("id", "name", "uri", "state", "last_known_state")
"""Names that are no properties."""

_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "IN": lambda value, wanted: value in wanted,
    "PREFIX": lambda value, wanted: str(value).startswith(wanted),
}


def select(
    store: Store,
    kind: Kind,
    type_name: str | None,
    conditions: Sequence[Condition] = (),
    *,
    limit: int | None = None,
    newest_first: bool = False,
) -> list[Any]:
    """What fits all conditions, in order of number.

    Args:
        store: the store.
        kind: of what.
        type_name: the type; None for any.
        conditions: all of them hold.
        limit: how many at most; None for all.
        newest_first: whether to give the highest numbers first.
    """
    if store.database is not None:
        numbers = find_numbers(
            store.database, kind, type_name, conditions, limit=limit, newest_first=newest_first
        )
        if numbers is not None:
            ask = getattr(store, f"get_{kind}_by_id")
            found = {thing.id: thing for part in chunks(numbers) for thing in ask(list(part))}
            return [found[number] for number in numbers if number in found]
    everything = _of_type(store, kind, type_name)
    fitting = [thing for thing in everything if all(_holds(thing, c) for c in conditions)]
    fitting.sort(key=lambda thing: thing.id, reverse=newest_first)
    return fitting[:limit]


def _of_type(store: Store, kind: Kind, type_name: str | None) -> list[Any]:
    from ml_metadata import errors

    if type_name is None:
        return list(getattr(store, f"get_{kind}")())
    try:
        return list(getattr(store, f"get_{kind}_by_type")(type_name))
    except errors.NotFoundError:
        return []


def _holds(thing: Any, condition: Condition) -> bool:
    name, sign, wanted = condition
    if name in FIELDS:
        value = getattr(thing, name)
        if re.search("state$", name):
            wanted = _state(thing, wanted)
    else:
        value = value_of(thing, name)
    if value is None or (isinstance(value, str) != isinstance(wanted, str) and sign != "IN"):
        return False
    return _SIGNS[sign](value, wanted)


def _state(thing: Any, name: str) -> int:
    return int(thing.State.Value(name))
