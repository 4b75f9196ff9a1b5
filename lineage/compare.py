"""What two runs have done differently: parameters, columns, metrics."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from tfx_estimators.json_text import dumps, finite
from tfx_estimators.lineage.files import LOCAL, Files
from tfx_estimators.lineage.properties import COLUMNS_FILE, COLUMNS_TYPE
from tfx_estimators.lineage.ran import Ran, ran_of
from tfx_estimators.lineage.runs import Run
from tfx_estimators.lineage.store import Store

__all__ = ["Difference", "compare", "not_compared"]

_log = logging.getLogger(__name__)
_EVALUATION_TYPE, _EVALUATION_FILE = "ModelEvaluation", "report.json"
_CHOSEN_TYPE, _CHOSEN_FILE = "HyperParameters", "best_hyperparameters.txt"
_OVERALL = "overall"
_CHOSEN, _OF_CHECKPOINT = "hyperparameters", "checkpoint"
_WHAT = {
    COLUMNS_TYPE: "feature columns",
    _CHOSEN_TYPE: "chosen hyperparameters",
    _EVALUATION_TYPE: "metrics of the evaluation",
}


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing that differs.

    Attributes:
        about: "parameter", "column" or "metric".
        name: which one, e.g. "EstimatorTrainer.custom_config.batch_size"; a step that was
            renamed between the runs is "Trainer -> EstimatorTrainer".
        left: in the first run; None if it has none.
        right: in the second run, likewise.
        delta: right less left, where both are numbers.
    """

    about: str
    name: str
    left: Any
    right: Any
    delta: float | None = None


def compare(
    store: Store,
    left: Run,
    right: Run,
    files: Files = LOCAL,
    measured: Callable[[str], Mapping[str, Mapping[str, float]]] = lambda uri: {},
    right_store: Store | None = None,
) -> list[Difference]:
    """What differs between two runs: parameters, columns, then metrics, those overall first.

    Parameters are those of the steps, and the values that a tuner chose. Metrics are those of
    the evaluator's report, and those of the newest checkpoint; columns are read from what the
    transform wrote. Of a cached step it is those of the execution that did the work. What one of
    the runs has no files of any more is left out: see `not_compared`.

    Args:
        store: the store.
        left: the first run.
        right: the second run.
        files: the file system of the artifacts.
        measured: reads what an evaluator of TFX's own has left at a uri: metrics by slice.
        right_store: the second run's, where that is another.
    """
    ran = (ran_of(store, left), ran_of(right_store or store, right))
    names = _renamed(*ran)
    sides = [
        _facts_of(one, files, measured, {node: names.get((i, node), node) for node in one.steps})
        for i, one in enumerate(ran)
    ]
    gone = _gone(ran[0], files) | _gone(ran[1], files)
    found = []
    for about in ("parameter", "column", "metric"):
        one, other = (side[about] for side in sides)
        found += [
            Difference(about, name, one.get(name), other.get(name),
                       _delta(one.get(name), other.get(name)))
            for name in sorted(one.keys() | other.keys(), key=_overall_first)
            if not _same(one.get(name), other.get(name)) and _type_of(about, name) not in gone
        ]  # fmt: skip
    return found


def not_compared(store: Store, run: Run, files: Files = LOCAL) -> list[str]:
    """What of a run cannot be compared with another's: its files lie no more where they were.

    Returns:
        names of what they hold, e.g. "metrics of the evaluation".
    """
    return sorted(_WHAT[kind] for kind in _gone(ran_of(store, run), files))


def _gone(ran: Ran, files: Files) -> frozenset[str]:
    """Types of artifacts of which one at least is no longer there."""
    return frozenset(
        artifact.type
        for artifact in ran.made
        if artifact.type in _WHAT and not _exists(artifact.uri, files)
    )


def _exists(uri: str, files: Files) -> bool:
    try:
        return files.exists(uri)
    except files.failures:
        return False


def _type_of(about: str, name: str) -> str | None:
    """The type of the artifact that a fact was read from; None if it is from no file."""
    first = name.partition(".")[0].partition(" ")[0]
    if about == "column":
        return COLUMNS_TYPE
    if about == "metric":
        return None if first == _OF_CHECKPOINT else _EVALUATION_TYPE
    return _CHOSEN_TYPE if first == _CHOSEN else None


def _overall_first(name: str) -> tuple[bool, bool, str]:
    return (not name.startswith(f"{_OVERALL} "), name.startswith(f"{_OF_CHECKPOINT} "), name)


def _same(one: Any, other: Any) -> bool:
    # A metric that is no number in both runs, e.g. of an empty slice, is no difference.
    return bool(one == other or (one != one and other != other))


def _delta(one: Any, other: Any) -> float | None:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
    return other - one if numbers else None


def _renamed(left: Ran, right: Ran) -> dict[tuple[int, str], str]:
    """Names for the steps of only one run each that make the same, by side and node."""
    only = [
        {node: kinds for node, kinds in one.kinds.items() if kinds and node not in other.steps}
        for one, other in ((left, right), (right, left))
    ]
    pairs = [(n, o) for n, made in only[0].items() for o, theirs in only[1].items()
             if _is_alike(made, theirs)]  # fmt: skip
    names = {}
    for one, other in pairs:
        # Two that might be meant are not guessed at.
        if [n for n, _ in pairs].count(one) == [o for _, o in pairs].count(other) == 1:
            names[0, one] = names[1, other] = f"{one} -> {other}"
    return names


def _is_alike(made: frozenset[str], theirs: frozenset[str]) -> bool:
    # Examples are made by generators and transforms.
    return made == theirs or bool(made & theirs - {"Examples"})


def _facts_of(
    ran: Ran,
    files: Files,
    measured: Callable[[str], Mapping[str, Mapping[str, float]]],
    names: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    parameters: dict[str, Any] = {}
    for node, step in ran.steps.items():
        for name, value in step.items():
            parameters |= _flat(f"{names[node]}.{name}", _parsed(value))
    columns: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    for artifact in ran.made:
        if artifact.type == COLUMNS_TYPE:
            features = _read(f"{artifact.uri}/{COLUMNS_FILE}", files).get("features")
            if isinstance(features, dict):
                columns |= {n: dumps(finite(f), sort_keys=True) for n, f in features.items()}
        elif artifact.type == _CHOSEN_TYPE:
            values = _read(f"{artifact.uri}/{_CHOSEN_FILE}", files).get("values")
            parameters |= _flat(_CHOSEN, values if isinstance(values, dict) else {})
        elif artifact.type == _EVALUATION_TYPE:
            path = f"{artifact.uri}/{_EVALUATION_FILE}"
            slices = _reported(_read(path, files)) or measured(artifact.uri)
            metrics |= {f"{s} {n}": v for s, values in slices.items() for n, v in values.items()}
    metrics |= {f"{_OF_CHECKPOINT} {name}": value for name, value in ran.checkpoint.items()}
    return {"parameter": parameters, "column": columns, "metric": metrics}


def _reported(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Metrics by slice; what is no report, or a damaged one, has none."""
    slices = report.get("slices")
    return {
        str(one["slice"]): one["metrics"]
        for one in (slices if isinstance(slices, list) else [])
        if isinstance(one, dict) and "slice" in one and isinstance(one.get("metrics"), dict)
    }


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
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
    failures: tuple[type[Exception], ...] = (ValueError, RecursionError, *files.failures)
    try:
        if not files.exists(path):
            return {}
        with files.open(path, "rb") as file:
            # Older reports have a bare NaN where there is null now.
            content = json.loads(file.read(), parse_constant=lambda _: None)
        if isinstance(content, dict):
            return content
        problem = "it is not a JSON object"
    except failures as error:
        problem = str(error)
    _log.warning("skipped: %s cannot be read: %s", path, problem)
    return {}
