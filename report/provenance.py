"""The section on where the pushed version came from."""

from __future__ import annotations

from collections.abc import Mapping

from tfx_estimators.lineage.models import list_models
from tfx_estimators.lineage.properties import TOLD, value_of
from tfx_estimators.lineage.trace import Node, upstream
from tfx_estimators.report.parts import Cell, Facts, Missing, Section, Table, Text
from tfx_estimators.report.subject import Subject
from tfx_estimators.report.wording import number

__all__ = ["origin_section", "pushed_version"]

_PUSHED = "PushedModel"


def pushed_version(subject: Subject) -> tuple[str, str] | None:
    """The version that the run pushed, and its folder; None if it pushed none."""
    for artifact in subject.made(_PUSHED):
        version = value_of(artifact, "pushed_version")
        if version:
            return str(version), str(value_of(artifact, "pushed_destination") or "")
    return None


def origin_section(subject: Subject) -> Section:
    """All that the pushed version, or else the model, was made from."""
    name, title = "lineage", "Lineage"
    pushed = subject.made(_PUSHED)
    version = pushed_version(subject)
    starts = [one for one in pushed if value_of(one, "pushed_version")] or subject.made("Model")
    if not starts:
        return Section(name, title, [Missing("This run has made no model.")])
    nodes = upstream(subject.store, starts[0].id)
    facts: list[tuple[str, Cell]] = []
    if version is None:
        said = "Nothing was pushed. The model of this run was made from:"
    else:
        said = f"Version {version[0]} was made from:"
        models = list_models(subject.store, limit=None)
        served = any(v.id == starts[0].id and v.served for one in models for v in one.versions)
        facts = [
            ("Pushed to", version[1]),
            ("Served", "yes, it is the newest there" if served else "no, a newer one is there"),
        ]
    by_number = {node.id: node for node in nodes}
    return Section(
        name,
        title,
        [
            *([Facts(facts)] if facts else []),
            Text(said),
            Table(
                "Artifacts, the result first",
                ["Artifact", "Type", "Made by", "From", "What is known", "Where"],
                [_row(node, by_number) for node in nodes],
                folded=len(nodes) > 30,
            ),
        ],
    )


def _row(node: Node, by_number: Mapping[int, Node]) -> list[Cell]:
    facts = [
        f"{name.removeprefix('metric.')} {number(v) if isinstance(v, float) else v}"
        for name, v in node.properties.items()
        if name in TOLD or name in ("metric.auc", "metric.average_loss", "metric.accuracy")
    ]
    return [
        f"{node.id}",
        node.type.rpartition(".")[2],
        node.step.rpartition(".")[2] if node.step else None,
        ", ".join(str(n) for n in node.next if n in by_number) or None,
        ", ".join(facts) or None,
        node.uri,
    ]
