"""A search under way: KerasTuner's oracle, whose state outlives the process.

STORE/<fingerprint>/search.json     the oracle and its trials, after each event
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.trainer.announcement import say
from tfx_estimators.components.tuner.objective import Objective
from tfx_estimators.components.tuner.search import Search, make_oracle
from tfx_estimators.errors import TfxEstimatorsError, TrainingError
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import read
from tfx_estimators.whole_files import write_whole

__all__ = ["Study", "values_of"]

_FILE = "search.json"
_OWN = "tuner/"
"""What the names of Hyperband's own values begin with."""


def values_of(trial: Any) -> dict[str, Any]:
    """A trial's values, without those of the oracle's own.

    Args:
        trial: a `keras_tuner` trial.
    """
    found: Mapping[str, Any] = trial.hyperparameters.values
    return {name: value for name, value in found.items() if not name.startswith(_OWN)}


class Study:
    """Hands out trials and takes their results.

    Private names: `Oracle._set_project_dir`, seen on KerasTuner 1.4.8.

    Args:
        folder: where the state is kept.
        check: raises once another process has taken the folder over; asked before each write.
        scratch: a folder for files of the oracle's own, which nothing reads.
        search: how values are chosen.
        objective: what is measured.
        space: the `keras_tuner.HyperParameters` to choose from.
    """

    def __init__(
        self,
        folder: str,
        check: Callable[[], None],
        scratch: pathlib.Path,
        search: Search,
        objective: Objective,
        space: Any,
    ) -> None:
        self._path = f"{folder}/{_FILE}"
        self._check = check
        self._objective = objective
        self._over = False

        def fresh() -> Any:
            oracle = make_oracle(search, objective, space)
            oracle.verbose = 0
            oracle._set_project_dir(str(scratch), "oracle")
            return oracle

        # Of what a damaged state has put into an oracle, nothing is kept.
        self._oracle = self._loaded(fresh()) or fresh()
        self._unfinished = list(self._oracle.ongoing_trials.values())
        self._oracle.ongoing_trials = {}

    def next_trial(self, worker: str) -> Any | None:
        """The trial that a worker is to do; None if there is none, or none yet.

        Args:
            worker: its name; it has no other trial.
        """
        if self._unfinished:
            trial = self._unfinished.pop(0)
            self._oracle.ongoing_trials[worker] = trial
            return trial
        if self._over:
            return None
        trial = self._oracle.create_trial(worker)
        if trial.status == "STOPPED":
            self._over = True
        if trial.status != "RUNNING":
            return None
        self._save()
        return trial

    def complete(self, trial: Any, metrics: Mapping[str, float]) -> None:
        """Takes what the evaluation at the end of a trial has measured.

        Raises:
            TrainingError: if the objective is not among it.
        """
        if self._objective.metric not in metrics:
            raise TrainingError(
                f"the evaluation of trial {trial.trial_id} has no finite value of the objective "
                f"{self._objective.metric!r}",
                expected=f"one of {', '.join(sorted(metrics))}",
                fix="correct objective, or add the metric to the estimator",
            )
        self._oracle.update_trial(trial.trial_id, dict(metrics))
        trial.status = "COMPLETED"
        self._oracle.end_trial(trial)
        self._save()

    def fail(self, trial: Any, error: TfxEstimatorsError) -> None:
        """Takes note of a trial without a result.

        Raises:
            TfxEstimatorsError: the error itself, if it is that of the third trial in a row.
        """
        trial.status, trial.message = "FAILED", str(error)
        try:
            self._oracle.end_trial(trial)
        except RuntimeError:
            raise error from error.__cause__
        self._save()

    def ranked(self) -> list[Any]:
        """The trials that ended well, the best first."""
        ended = [t for t in self._oracle.trials.values() if t.status == "COMPLETED"]
        sign = -1 if self._objective.direction == "max" else 1
        return sorted(ended, key=lambda trial: (sign * trial.score, trial.trial_id))

    def trials(self) -> list[Any]:
        """All trials, in the order they began."""
        return list(self._oracle.trials.values())

    @property
    def ended(self) -> int:
        """How many trials have ended, well or not."""
        return len(self._oracle.end_order)

    def _save(self) -> None:
        self._check()
        files = files_for(self._path)
        state = {
            "oracle": self._oracle.get_state(),
            "trials": [trial.get_state() for trial in self._oracle.trials.values()],
        }
        write_whole(self._path, dumps(state), files.open, files.rename)

    def _loaded(self, oracle: Any) -> Any | None:
        """The oracle with the file's state; None if there is no file, or it is damaged."""
        from keras_tuner.engine.trial import Trial

        files = files_for(self._path)
        if not files.exists(self._path):
            return None
        try:
            read(self._path, _State, files)
            state = read(self._path, dict[str, Any], files)
            trials = [Trial.from_state(trial) for trial in state["trials"]]
            oracle.trials = {trial.trial_id: trial for trial in trials}
            oracle.set_state(state["oracle"])
        except files.failures:
            raise
        except Exception as error:  # KerasTuner checks nothing of what it is given.
            aside = f"{self._path}.damaged"
            with contextlib.suppress(*files.failures):
                files.rename(self._path, aside, overwrite=True)
            say(
                f"warning: the search begins anew, its state is damaged and now in {aside}: {error}"
            )
            return None
        say(f"going on with a search of which {len(oracle.end_order)} trials have ended")
        return oracle


@dataclasses.dataclass(frozen=True)
class _Trial:
    trial_id: str
    status: str
    score: float | None


@dataclasses.dataclass(frozen=True)
class _Oracle:
    ongoing_trials: dict[str, str]
    start_order: list[str]
    end_order: list[str]
    retry_queue: list[str]
    run_times: dict[str, int]
    tried_so_far: list[str]


@dataclasses.dataclass(frozen=True)
class _State:
    """What is checked of the file before KerasTuner is given it."""

    oracle: _Oracle
    trials: list[_Trial]
