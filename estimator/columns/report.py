"""Which side each column went to, and why, in words."""

from __future__ import annotations

from typing import Any

from tfx_estimators.estimator.columns.nests import flatten
from tfx_estimators.estimator.columns.plan import ColumnPlan
from tfx_estimators.estimator.columns.table import kind_of

__all__ = ["report"]


def report(plan: ColumnPlan) -> list[dict[str, Any]]:
    """One entry a column, in the order of `feature_columns()`.

    Returns:
        Dicts with `place`, `name`, `type`, `features` (transformed), `on_beam` and
        `in_model` (types of the columns evaluated there), and `why`.
    """
    return [{"place": place, **_entry(plan, column)} for place, column in flatten(plan.columns)]


def _entry(plan: ColumnPlan, column: Any) -> dict[str, Any]:
    on_beam: list[str] = []
    in_model: list[str] = []
    why: list[str] = []
    current = column
    while (inner := kind_of(current).inner(current)) is not None:
        in_model.append(type(current).__name__)
        why.append(kind_of(current).why)
        current = inner
    kind = kind_of(current)
    (in_model if kind.stays else on_beam).append(type(current).__name__)
    why.append(kind.why if kind.stays else _reason_on_beam(plan, current))
    return {
        "name": column.name,
        "type": type(column).__name__,
        "features": plan.feature_names(current),
        "on_beam": on_beam,
        "in_model": in_model,
        "why": "; ".join(reversed(why)),
    }


def _reason_on_beam(plan: ColumnPlan, column: Any) -> str:
    """What it learns, or a column inside it, says more than where it is computed."""
    for part in plan.parts(column):
        if kind_of(part).learns(part) is not None:
            return kind_of(part).why
    return kind_of(column).why
