"""What a search leaves behind: the files of TFX's Tuner, and one that tells of every trial.

TFX 1.15 to 1.21 write `best_hyperparameters.txt`, the configuration of a
`keras_tuner.HyperParameters`, and `tuner_results.json`, one object for each trial that
ended well. `trials.json` beside it has those that failed too, in the order they began.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfx.dsl.io import fileio
from tfx.types.artifact import Artifact

from tfx_estimators.components.tuner.objective import Objective
from tfx_estimators.components.tuner.study import values_of
from tfx_estimators.json_text import dumps

__all__ = [
    "RESULTS_FILE",
    "TRIALS_FILE",
    "SearchResult",
    "TrialResult",
    "best_line",
    "describe_best",
    "result_of",
    "write_best",
    "write_trials",
]

_BEST_FILE = "best_hyperparameters.txt"
RESULTS_FILE, TRIALS_FILE = "tuner_results.json", "trials.json"
"""Of a TunerResults artifact: what TFX's Tuner writes too, and what only `EstimatorTuner` does."""


@dataclasses.dataclass(frozen=True)
class TrialResult:
    """What came of a trial.

    Attributes:
        trial: its name.
        values: of the hyperparameters.
        score: the objective at its end; None if it failed.
        message: what it failed with; "" if it did not.
    """

    trial: str
    values: dict[str, Any]
    score: float | None
    message: str = ""


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What came of a search.

    Attributes:
        objective: the metric that was compared.
        direction: "min" or "max"; "" where that is not known.
        trials: in the order they began.
        best: name of the best one; "" if there is none.
    """

    objective: str
    direction: str
    trials: list[TrialResult]
    best: str


def write_best(uri: str, trial: Any) -> None:
    """Writes the values of the best trial.

    Args:
        uri: of the HyperParameters artifact.
        trial: a `keras_tuner` trial.
    """
    chosen = trial.hyperparameters.copy()
    chosen.values = values_of(trial)
    _write(f"{uri}/{_BEST_FILE}", chosen.get_config())


def describe_best(artifact: Artifact, trial: Any, objective: Objective, ended: int) -> None:
    """Writes on the HyperParameters artifact what its values are the best of."""
    artifact.set_string_custom_property("objective", objective.metric)
    artifact.set_float_custom_property("score", float(trial.score))
    artifact.set_string_custom_property("trial", trial.trial_id)
    artifact.set_int_custom_property("trials", ended)


def result_of(objective: Objective, trials: Sequence[Any], best: Any) -> SearchResult:
    """What came of a search.

    Args:
        objective: what was measured.
        trials: `keras_tuner` trials, in the order they began.
        best: the best of them.
    """
    rows = [
        TrialResult(
            trial.trial_id,
            values_of(trial),
            float(trial.score) if trial.status == "COMPLETED" else None,
            "" if trial.status == "COMPLETED" else trial.message or "it did not end",
        )
        for trial in trials
    ]
    return SearchResult(objective.metric, objective.direction, rows, best.trial_id)


def write_trials(uri: str, ranked: Sequence[Any], result: SearchResult) -> None:
    """Writes a row for each trial: `trial_id`, `score` and the values by their names.

    Args:
        uri: of the TunerResults artifact.
        ranked: `keras_tuner` trials that ended well, the best first.
        result: what came of all of them, which is written beside.
    """
    rows = [{"trial_id": t.trial_id, "score": t.score, **values_of(t)} for t in ranked]
    _write(f"{uri}/{RESULTS_FILE}", rows)
    _write(f"{uri}/{TRIALS_FILE}", dataclasses.asdict(result))


def best_line(trial: Any, objective: Objective, ended: int) -> str:
    """What a search tells at its end, in one line."""
    values = ", ".join(f"{name}={_short(value)}" for name, value in values_of(trial).items())
    return (
        f"the best of {ended} trials is {trial.trial_id}, with "
        f"{objective.metric}={_short(trial.score)}: {values}"
    )


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _write(path: str, value: object) -> None:
    with fileio.open(path, "w") as file:
        file.write(dumps(value))
