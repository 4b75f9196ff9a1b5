"""What a search leaves behind, in the files of TFX's Tuner.

TFX 1.15 to 1.21 write `best_hyperparameters.txt`, the configuration of a
`keras_tuner.HyperParameters`, and `tuner_results.json`, one object for each trial that
ended well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfx.dsl.io import fileio

from tfx_estimators.components.tuner.objective import Objective
from tfx_estimators.components.tuner.study import values_of
from tfx_estimators.json_text import dumps

__all__ = ["best_line", "write_best", "write_trials"]

_BEST_FILE = "best_hyperparameters.txt"
_TRIALS_FILE = "tuner_results.json"


def write_best(uri: str, trial: Any) -> None:
    """Writes the values of the best trial.

    Args:
        uri: of the HyperParameters artifact.
        trial: a `keras_tuner` trial.
    """
    chosen = trial.hyperparameters.copy()
    chosen.values = values_of(trial)
    _write(f"{uri}/{_BEST_FILE}", chosen.get_config())


def write_trials(uri: str, trials: Sequence[Any]) -> None:
    """Writes a row for each trial: `trial_id`, `score` and the values by their names.

    Args:
        uri: of the TunerResults artifact.
        trials: `keras_tuner` trials, the best first.
    """
    rows = [{"trial_id": t.trial_id, "score": t.score, **values_of(t)} for t in trials]
    _write(f"{uri}/{_TRIALS_FILE}", rows)


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
