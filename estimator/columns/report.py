"""Which side each column went to, and why, in words."""

from __future__ import annotations

from typing import Any

from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns.learned import LEARNED
from tfx_estimators.estimator.columns.nests import flatten
from tfx_estimators.estimator.columns.plan import ColumnPlan

__all__ = ["report"]

_STAYS = "its class is unknown here, so it is evaluated in the model as it is"
_MOVES = "depends on the data alone, so it is computed once, not each epoch"
_LEARNS = "learns from the data in the analysis pass"
_TRAINED = "its weights are trained in the model"
_EXPANDS = "its expansion would only make the examples larger"


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
    features: list[str] = []
    current = column
    while isinstance(current, _KEPT):
        in_model.append(type(current).__name__)
        why.append(_TRAINED if isinstance(current, _EMBEDDINGS) else _EXPANDS)
        current = current.categorical_column
    features = plan.feature_names(current)
    if plan.is_kept(current):
        in_model.append(type(current).__name__)
        why.append(_STAYS)
    else:
        on_beam.append(type(current).__name__)
        learns = any(isinstance(part, LEARNED) for part in plan.parts(current))
        why.append(_LEARNS if learns else _MOVES)
    return {
        "name": column.name,
        "type": type(column).__name__,
        "features": features,
        "on_beam": on_beam,
        "in_model": in_model,
        "why": "; ".join(reversed(why)),
    }


_EMBEDDINGS = (tfc.EmbeddingColumn, tfc.SharedEmbeddingColumn)
_KEPT = (*_EMBEDDINGS, tfc.IndicatorColumn, tfc.SequenceCategoricalColumn)
