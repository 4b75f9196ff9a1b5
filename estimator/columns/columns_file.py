"""`columns.json`: what the transform did with the columns, for people and the trainer.

Keys:
    format: 1.
    inputs: raw features that the columns read, all that serving needs.
    label_key: the label among the transformed features, or null.
    columns: for every column of the user: where it stands in `feature_columns()`, its
        name and type, its transformed features, what runs on Beam, what stays in the
        model, and why.
    features: for every transformed feature: its kind and the column that computes it.
    facts: for every column that learns: what it learned.
    made: for every output of `preprocessing_fn` but the label: the raw features that it is
        computed from. No transformed feature of a column has its name.
    weights: features that are examples' weights, which serving does not need.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator.columns.description import describe
from tfx_estimators.estimator.columns.plan import ColumnPlan, Facts, compile_columns
from tfx_estimators.estimator.columns.report import report
from tfx_estimators.json_text import dumps

__all__ = ["describe", "load_model_columns", "load_plan", "read_columns", "write_columns"]

_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class _Feature:
    kind: str
    column: Any


_Fact = float | list[float]


@dataclasses.dataclass(frozen=True)
class _Content:
    """What the trainer reads of the file."""

    format: int
    inputs: list[str]
    features: dict[str, _Feature]
    facts: dict[str, dict[str, _Fact]]
    label_key: str | None = None
    made: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    weights: list[str] = dataclasses.field(default_factory=list)


@functools.cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(_Content)


def write_columns(
    path: str | os.PathLike[str],
    plan: ColumnPlan,
    facts: Facts,
    label_key: str | None,
    made: Mapping[str, Sequence[str]] | None = None,
    weights: Sequence[str] = (),
) -> None:
    """Writes `columns.json`.

    Args:
        path: of the file, anything `tf.io.gfile` opens.
        plan: the compiled columns.
        facts: what the analysis recorded.
        label_key: the label among the transformed features.
        made: outputs of `preprocessing_fn` but the label -> raw features behind them.
        weights: features that are examples' weights.
    """
    made = made or {}
    read = {i.key for i in plan.inputs}
    raw = {key for name in read for key in made.get(name, [name])}
    content = {
        "format": _FORMAT,
        "inputs": sorted(raw),
        "label_key": label_key,
        "columns": report(plan),
        "features": _described_features(plan),
        "facts": facts,
        "made": {name: sorted(inputs) for name, inputs in made.items()},
        "weights": sorted(weights),
    }
    with tf.io.gfile.GFile(os.fspath(path), "w") as file:
        file.write(dumps(content, indent=2) + "\n")


def read_columns(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads `columns.json`.

    Raises:
        ColumnError: if it is missing, or was not written by `write_columns`.
    """
    path = os.fspath(path)
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            text = file.read()
        found = _adapter().validate_json(text, strict=True)
    except (tf.errors.OpError, ValueError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error
    if found.format != _FORMAT:
        raise _unreadable(path, f"its format is not {_FORMAT}")
    # Older files have bare NaN and Infinity where there are strings now.
    content: dict[str, Any] = json.loads(text, parse_constant=lambda name: repr(float(name)))
    return content


def load_model_columns(columns: Any, path: str | os.PathLike[str]) -> Any:
    """Rebuilds the model-side columns in another process.

    Args:
        columns: the module's `feature_columns`, or what it returns: a feature column,
            or a nest of dicts, lists and tuples of them.
        path: of the `columns.json` that the transform wrote.

    Returns:
        The same nest with every column rewritten over the transformed features.

    Raises:
        ColumnError: if the file cannot be read, or if a column computes something else
            than it did in the transform. What only matters in the model, such as an
            embedding's dimension, may have changed.
    """
    plan, facts = load_plan(columns, path)
    return plan.model_columns(facts)


def load_plan(columns: Any, path: str | os.PathLike[str]) -> tuple[ColumnPlan, Facts]:
    """Compiles the columns in another process, and reads what they learned.

    Args, raises: as `load_model_columns`.
    """
    content = read_columns(path)
    plan = compile_columns(columns, content.get("made", {}))
    _check_same(content["features"], _described_features(plan), os.fspath(path))
    return plan, content["facts"]


def _check_same(written: Mapping[str, Any], wanted: Mapping[str, Any], path: str) -> None:
    for name, feature in wanted.items():
        if name not in written:
            raise _different(
                f"feature_columns() needs the transformed feature {name!r}",
                f"one of {', '.join(sorted(written))}, which are in {path}",
            )
        if written[name] != feature:
            raise _different(
                f"feature_columns() computes {name!r} with {_short(feature)}",
                f"{_short(written[name])}, as in {path}",
            )


def _described_features(plan: ColumnPlan) -> dict[str, Any]:
    return {
        feature.name: {"kind": feature.kind, "column": describe(feature.column)}
        for feature in plan.features
    }


def _short(feature: Any) -> str:
    return dumps(feature["column"])


def _different(problem: str, expected: str) -> ColumnError:
    return ColumnError(
        problem,
        expected=expected,
        fix="run FeatureColumnTransform with this module again, or correct the module",
    )


def _unreadable(path: str, why: str) -> ColumnError:
    return ColumnError(
        f"{path} cannot be used: {why}",
        expected="the columns.json that FeatureColumnTransform wrote",
        fix="pass the feature_columns output of the FeatureColumnTransform",
    )
