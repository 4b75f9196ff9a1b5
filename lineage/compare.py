"""What two runs have done differently: parameters, columns, metrics."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tfx_estimators.json_text import dumps, finite
from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE, METRIC, value_of, values_of
from tfx_estimators.lineage.record_files import LOCAL, Files
from tfx_estimators.lineage.runs import Run
from tfx_estimators.lineage.store import Store

__all__ = ["Difference", "compare"]

_COLUMNS_TYPE, _COLUMNS_FILE = "tfx_estimators.FeatureColumns", "columns.json"
_EVALUATION_TYPE, _EVALUATION_FILE = "ModelEvaluation", "report.json"


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing that differs.

    Attributes:
        about: "parameter", "column" or "metric".
        name: which one, e.g. "EstimatorTrainer.custom_config.batch_size".
        left: in the first run; None if it has none.
        right: in the second run, likewise.
    """

    about: str
    name: str
    left: Any
    right: Any


def compare(store: Store, left: Run, right: Run, files: Files = LOCAL) -> list[Difference]:
    """What differs between two runs, in order of what it is about and its name.

    Metrics are those of the evaluator's report, and those of the newest checkpoint; columns
    are read from what the transform wrote. What lies no more where it was made is left out.

    Args:
        store: the store.
        left: the first run.
        right: the second run.
        files: the file system of the artifacts.
    """
    sides = [_facts_of(store, run, files) for run in (left, right)]
    found = []
    for about in ("parameter", "column", "metric"):
        one, other = (side[about] for side in sides)
        found += [
            Difference(about, name, one.get(name), other.get(name))
            for name in sorted(one.keys() | other.keys())
            if not _same(one.get(name), other.get(name))
        ]
    return found


def _same(one: Any, other: Any) -> bool:
    # A metric that is no number in both runs, e.g. of an empty slice, is no difference.
    return bool(one == other or (one != one and other != other))


def _facts_of(store: Store, run: Run, files: Files) -> dict[str, dict[str, Any]]:
    last = {step.node: step for step in run.steps}
    parameters: dict[str, Any] = {}
    for step in last.values():
        for name, value in step.parameters.items():
            parameters |= _flat(f"{step.node}.{name}", _parsed(value))
    graph = Graph(store)
    made = graph.outputs(step.id for step in last.values())
    artifacts = graph.artifacts(n for numbers in made.values() for n in numbers)
    columns: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    newest = None
    for artifact in artifacts.values():
        if artifact.type == _COLUMNS_TYPE:
            content = _read(f"{artifact.uri}/{_COLUMNS_FILE}", files)
            columns |= {
                name: dumps(finite(one), sort_keys=True)
                for name, one in content.get("features", {}).items()
            }
        elif artifact.type == _EVALUATION_TYPE:
            metrics |= _evaluated(_read(f"{artifact.uri}/{_EVALUATION_FILE}", files))
        elif artifact.type == CHECKPOINT_TYPE:
            newest = max((newest, artifact), key=_step)
    if newest is not None:
        metrics |= {
            f"checkpoint {name.removeprefix(METRIC)}": value
            for name, value in values_of(newest).items()
            if name.startswith(METRIC) or name in ("step", "global_examples")
        }
    return {"parameter": parameters, "column": columns, "metric": metrics}


def _step(artifact: Any) -> int:
    return -1 if artifact is None else int(value_of(artifact, "step") or 0)


def _evaluated(report: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in report.get("slices", ()):
        found |= {f"{one['slice']} {name}": value for name, value in one["metrics"].items()}
    return found


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _flat(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, inside in value.items():
            found |= _flat(f"{name}.{key}", inside)
        return found
    return {name: value}


def _read(path: str, files: Files) -> dict[str, Any]:
    try:
        if not files.exists(path):
            return {}
        with files.open(path, "r") as file:
            # Older reports have a bare NaN where there is null now.
            content = json.loads(file.read(), parse_constant=lambda _: None)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
