"""The section on versions and parameters: what it ran with."""

from __future__ import annotations

import contextlib
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import DamagedFileError
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import read
from tfx_estimators.lineage.properties import value_of
from tfx_estimators.redaction import without_secrets
from tfx_estimators.report.parts import Cell, Facts, Heading, Missing, Part, Section, Table
from tfx_estimators.report.subject import Subject

__all__ = ["environment_section"]

_EXPORT = "Format-Serving/assets.extra/tfx_estimators_export.json"
_PACKAGES = (
    "tfx-estimators",
    "tensorflow",
    "tensorflow-estimator",
    "tf-keras",
    "tfx",
    "tensorflow-transform",
    "tensorflow-model-analysis",
    "apache-beam",
    "ml-metadata",
)
_LONGEST = 400


def environment_section(subject: Subject) -> Section:
    """Versions that trained the model, those that made the report, and all parameters."""
    trained = _exported(subject)
    here = {"python": platform.python_version(), **_installed()}
    tfx = sorted(
        {
            str(version)
            for node in subject.nodes.values()
            for one in node.outputs
            if (version := value_of(one, "tfx_version"))
        }
    )
    parts: list[Part] = [
        Facts(
            [
                ("Metadata", subject.store.name),
                ("Artifacts made by TFX", ", ".join(tfx) or None),
                ("Report made on", platform.platform()),
            ]
        )
    ]
    if not trained:
        parts.append(Missing("No model of this run says which versions trained it."))
    parts.append(
        Table(
            "Versions",
            ["Package", "Trained with", "Report made with"],
            [
                [name, trained.get(name), here.get(name)]
                for name in dict.fromkeys(("python", *trained, *here))
            ],
        )
    )
    rows: list[list[Cell]] = [
        [f"{node}.{name}", value]
        for node, one in subject.nodes.items()
        for name, value in _parameters(one.step.parameters).items()
    ]
    return Section(
        "environment",
        "Environment",
        [
            *parts,
            Heading("Parameters"),
            Table("Parameters of the steps", ["Parameter", "Value"], rows, folded=len(rows) > 12),
        ],
    )


def _exported(subject: Subject) -> dict[str, str]:
    for model in subject.made("Model"):
        path = f"{model.uri}/{_EXPORT}"
        files = files_for(path)
        if files.exists(path):
            try:
                found = read(path, dict[str, Any], files)
            except DamagedFileError:
                continue
            return {name: str(value) for name, value in found.items() if name != "format"}
    return {}


def _installed() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _parameters(parameters: Mapping[str, Any]) -> dict[str, Cell]:
    """Without secrets, and without the parts that are too long to be read."""
    found: dict[str, Cell] = {}
    for name, value in parameters.items():
        shown = without_secrets(value, name)
        if isinstance(shown, str) and shown[:1] in ("{", "["):
            with contextlib.suppress(ValueError, RecursionError):
                shown = dumps(without_secrets(json.loads(shown), name))
        text = str(shown)
        found[name] = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return found
