"""The section on the weights of linear models, by what each row of them means."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import TrainingError
from tfx_estimators.report.parts import Missing, Part, Section, Table, Text
from tfx_estimators.report.plots import bars
from tfx_estimators.report.subject import Subject
from tfx_estimators.report.wording import number

__all__ = ["weights_section"]

_SERVING = "Format-Serving"
_PART, _END = "linear_model/", "/weights"
_MOST = 24


def weights_section(subject: Subject) -> Section:
    """The largest weights of a linear model, and of a linear part, by column and value."""
    name, title = "weights", "Linear weights"
    folders = [f"{one.uri}/{_SERVING}" for one in subject.made("Model")]
    folder = next((f for f in folders if files_for(f).exists(f"{f}/saved_model.pb")), None)
    if folder is None:
        return Section(name, title, [Missing("There is no exported model of this run to read.")])
    import tensorflow as tf

    prefix = f"{folder}/variables/variables"
    found = [v for v, _ in tf.train.list_variables(prefix) if _PART in v and v.endswith(_END)]
    if not found:
        return Section(name, title, [Missing("The model has no linear part.")])
    meanings = _meanings(folder)
    rows: list[tuple[str, float]] = []
    by_column = []
    for variable in found:
        column = variable.partition(_PART)[2].removesuffix(_END)
        values = tf.train.load_variable(prefix, variable)
        words = _words(column, meanings.get(f"{column}{_END}", {}), len(values))
        named = _named(words, values)
        rows += named
        largest = max(named, key=lambda one: abs(one[1]))
        by_column.append([column, len(values), number(largest[1]), largest[0]])
    by_column.sort(key=lambda row: -abs(float(str(row[2]).replace(",", ""))))
    top = sorted(rows, key=lambda row: -abs(row[1]))[:_MOST]
    parts: list[Part] = [
        Text(
            f"The {len(top)} largest of {number(len(rows))} weights. A weight says what a value "
            "adds to the logit, or to the prediction of a regression; numbers are as the "
            "transform scaled them. Weights of values that hardly occur say little."
        ),
        bars(
            "Largest weights",
            "; ".join(f"{name} {number(value)}" for name, value in top),
            top,
        ),
        Table("Largest weights by column", ["Column", "Weights", "Largest", "Of"], by_column),
    ]
    return Section(name, title, parts)


def _meanings(folder: str) -> Mapping[str, Any]:
    from tfx_estimators.components.trainer.contracts.row_record import read_rows

    try:
        variables: Mapping[str, Any] = read_rows(folder)["variables"]
    except TrainingError:
        return {}  # Trained in another way: rows have numbers only.
    return variables


def _named(words: Sequence[str], values: Any) -> list[tuple[str, float]]:
    if values.shape[1] == 1:
        return [(word, float(row[0])) for word, row in zip(words, values, strict=True)]
    return [
        (f"{word}, output {place}", float(value))
        for word, row in zip(words, values, strict=True)
        for place, value in enumerate(row)
    ]


def _words(column: str, meaning: Mapping[str, Any], size: int) -> list[str]:
    """What each row is the weight of."""
    kind = meaning.get("kind")
    words: list[str] = []
    if kind == "vocabulary":
        words = [f"{column} = {value}" for value in _vocabulary(meaning)]
        words += [f"{column}: other {n}" for n in range(int(meaning.get("oov", 0)))]
    elif kind == "buckets" and meaning.get("elements") == 1:
        edges = [f"{edge:.6g}" for edge in meaning["boundaries"]]
        between = [f"{a} to {b}" for a, b in itertools.pairwise(edges)]
        words = [f"{column} {one}" for one in (f"< {edges[0]}", *between, f"≥ {edges[-1]}")]
    elif kind == "numbers" and size == 1:
        words = [column]
    elif kind == "ids":
        words = [f"{column} = {n}" for n in range(size)]
    if len(words) == size:
        return words
    return [f"{column} [{n}]" for n in range(size)] if size > 1 else [column]


def _vocabulary(meaning: Mapping[str, Any]) -> list[str]:
    if meaning.get("file") is None:
        return [str(value) for value in meaning.get("values", ())]
    path = str(meaning["file"])
    files = files_for(path)
    if not files.exists(path):
        return []
    with files.open(path, "rb") as file:
        return [line.decode(errors="backslashreplace") for line in file.read().splitlines()]
