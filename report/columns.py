"""The section on feature columns: where each one is computed, and why there."""

from __future__ import annotations

import dataclasses

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import DamagedFileError
from tfx_estimators.lineage.documents import read
from tfx_estimators.report.parts import Heading, Missing, Part, Section, Table, Text
from tfx_estimators.report.subject import RunStep, Subject

__all__ = ["columns_section"]

_COLUMNS, _FILE_NAME = "tfx_estimators.FeatureColumns", "columns.json"


@dataclasses.dataclass(frozen=True)
class _Column:
    name: str
    place: str
    on_beam: list[str]
    in_model: list[str]
    why: str


@dataclasses.dataclass(frozen=True)
class _File:
    """What the section shows of the file."""

    columns: list[_Column] = dataclasses.field(default_factory=list)


def columns_section(subject: Subject) -> Section:
    """Every column of the transforms of a run."""
    makers = subject.makers(_COLUMNS)
    parts: list[Part] = []
    for node in makers:
        if len(makers) > 1:
            parts.append(Heading(node.step.node))
        parts += _of_transform(node)
    if not makers:
        parts.append(Missing("No FeatureColumnTransform is in this run."))
    return Section("columns", "Feature columns", parts)


def _of_transform(node: RunStep) -> list[Part]:
    path = f"{node.made(_COLUMNS)[0].uri}/{_FILE_NAME}"
    files = files_for(path)
    if not files.exists(path):
        return [Missing(f"{path} is gone.")]
    try:
        found = read(path, _File, files).columns
    except DamagedFileError as error:
        return [Missing(str(error).partition("\n")[0])]
    sides = [_side(one) for one in found]
    counted = ", ".join(f"{sides.count(side)} {side}" for side in dict.fromkeys(sides))
    return [
        Text(f"{len(found)} columns are computed: {counted}. Beam does it once for all epochs."),
        Table(
            "Columns",
            ["Column", "Computed", "Why", "Classes", "Place in feature_columns()"],
            [
                [
                    one.name,
                    side,
                    one.why,
                    ", then ".join([*one.on_beam, *reversed(one.in_model)]),
                    one.place,
                ]
                for one, side in zip(found, sides, strict=True)
            ],
            folded=len(found) > 60,
        ),
    ]


def _side(column: _Column) -> str:
    if not column.in_model:
        return "on Beam"
    return "on Beam and in the model" if column.on_beam else "in the model"
