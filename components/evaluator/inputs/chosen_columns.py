"""Which columns an evaluation reads, and from where: raw examples or the transform."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from tfx_estimators.components.evaluator.eval_config import candidate_spec, slicing_specs
from tfx_estimators.errors import FeatureNotFoundError, LabelError

__all__ = ["Columns", "choose_columns"]


@dataclasses.dataclass(frozen=True)
class Columns:
    """The columns an evaluation reads.

    Attributes:
        labels: key of the label by the head's name; "" for a model of one head.
        weight: key of the example weight, or "".
        slices: keys that slices are made by.
        transformed: those of all these that the transform graph makes.
        raw: those that the raw examples hold.
    """

    labels: Mapping[str, str]
    weight: str
    slices: tuple[str, ...]
    transformed: tuple[str, ...]
    raw: tuple[str, ...]


def choose_columns(config: Any, raw: Collection[str], transformed: Collection[str]) -> Columns:
    """Decides where each column of a complete EvalConfig comes from.

    The label and the weight are the transform's if it makes them, since the model
    was trained on those; slices are of raw features unless there is none so named.

    Args:
        config: an EvalConfig with its defaults filled in.
        raw: names of the raw features.
        transformed: names of the features the transform graph makes.

    Raises:
        LabelError: if the label is nowhere.
        FeatureNotFoundError: if another column is nowhere.
    """
    spec = candidate_spec(config)
    labels = dict(spec.label_keys) or {"": spec.label_key}
    keys = [*labels.values()] + ([spec.example_weight_key] if spec.example_weight_key else [])
    slices = sorted(
        {k for s in slicing_specs(config) for k in (*s.feature_keys, *s.feature_values)}
    )
    made = {key for key in keys if key in transformed}
    made |= {key for key in slices if key not in raw and key in transformed}
    read = {key for key in keys if key not in made} | {key for key in slices if key not in made}
    for key in sorted(read - set(raw)):
        where = (
            f"among the raw features ({_some(raw)}) or those of the transform graph "
            f"({_some(transformed)})"
        )
        if key in labels.values():
            raise LabelError(
                f"the label {key!r} is missing: it is not {where}",
                expected="a feature of the examples or an output of preprocessing_fn",
                fix="correct label_key, or pass the transform_graph that makes the label",
            )
        raise FeatureNotFoundError(
            f"the feature {key!r} that the evaluation needs is not {where}",
            expected="a feature of the examples or an output of preprocessing_fn",
            fix="correct eval_config's slicing_specs or example_weight_key",
        )
    return Columns(
        labels=labels,
        weight=spec.example_weight_key,
        slices=tuple(slices),
        transformed=tuple(sorted(made)),
        raw=tuple(sorted(read)),
    )


def _some(names: Collection[str], most: int = 30) -> str:
    shown = ", ".join(sorted(names)[:most])
    return f"{shown}, ..." if len(names) > most else shown or "none"
