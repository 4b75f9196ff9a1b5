"""Runs a search: gives trials to processes until the oracle has no more.

Private name: `BaseExecutor._log_startup`, seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import tempfile
import time
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.proto import trainer_pb2, tuner_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import json_utils, proto_utils

from tfx_estimators.components.lease import now_and_then
from tfx_estimators.components.metadata_driver import told_of_records
from tfx_estimators.components.progress import show_progress
from tfx_estimators.components.scratch import scratch_folder
from tfx_estimators.components.trainer.announcement import say
from tfx_estimators.components.trainer.checkpoints.retention import KeepLast
from tfx_estimators.components.trainer.checkpoints.training import Training
from tfx_estimators.components.trainer.checkpoints.training_folder import (
    find_training,
    open_training,
)
from tfx_estimators.components.trainer.session.interruption import listening
from tfx_estimators.components.tuner.objective import Objective
from tfx_estimators.components.tuner.results import (
    best_line,
    describe_best,
    result_of,
    write_best,
    write_trials,
)
from tfx_estimators.components.tuner.search import Search, from_json, steps_of
from tfx_estimators.components.tuner.study import Study, values_of
from tfx_estimators.components.tuner.workers import Assignment, Worker
from tfx_estimators.components.user_module import UserModule, no_exit
from tfx_estimators.errors import EstimatorTypeError, TrainingError
from tfx_estimators.estimator.distribution.processes import Task
from tfx_estimators.estimator.distribution.shares import gpu_shares, visible_gpus
from tfx_estimators.json_text import dumps

__all__ = ["TunerExecutor"]

_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_TO_SAVE = 60.0
_SCRATCH = "tfx-estimators-tuner-"


class TunerExecutor(base_executor.BaseExecutor):
    """Executor of `EstimatorTuner`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Searches; see `EstimatorTuner` for inputs, outputs and errors."""
        self._log_startup(input_dict, output_dict, exec_properties)
        results = artifact_utils.get_single_uri(output_dict["tuner_results"])
        best = artifact_utils.get_single_instance(output_dict["best_hyperparameters"])
        objective = Objective(exec_properties["objective"], exec_properties["direction"])
        found = find_training(input_dict, exec_properties, results, self._context)
        store = found.folder.rpartition("/")[0]
        whole = _with_facts(
            found, dataclasses.asdict(objective), {"search": exec_properties["search"]}
        )
        with (
            told_of_records(found.origin, lambda: [store]),
            open_training(whole) as held,
            scratch_folder(pathlib.Path(tempfile.gettempdir()), _SCRATCH, TrainingError) as folder,
        ):
            search = from_json(exec_properties["search"])
            study = Study(
                held.folder, held.check, folder, search, objective, _space(exec_properties)
            )
            _write_step(folder, input_dict, exec_properties)
            _Searching(study, search, exec_properties, found, held, folder).run()
            ranked = study.ranked()
            if not ranked:
                raise TrainingError(
                    f"none of the {study.ended} trials ended well",
                    expected="at least one trial with a result",
                    fix="see log.txt for what each of them failed with",
                )
            result = result_of(objective, study.trials(), ranked[0])
            write_trials(results, ranked, result)
            write_best(best.uri, ranked[0])
            describe_best(best, ranked[0], objective, study.ended)
            say(best_line(ranked[0], objective, study.ended))


class _Searching:
    """Gives trials to workers until there are no more.

    Args:
        study: what hands them out.
        search: how they are chosen.
        properties: the step's.
        base: the training that the trials have in common.
        held: the search's folder, which this process holds.
        folder: where the workers find the step, and leave outcomes.
    """

    def __init__(
        self,
        study: Study,
        search: Search,
        properties: dict[str, Any],
        base: Training,
        held: Training,
        folder: pathlib.Path,
    ) -> None:
        self._study, self._search = study, search
        self._check_held = now_and_then(held.check)
        self._base = dataclasses.replace(base, retention=(KeepLast(1),))
        train_args, tune_args = trainer_pb2.TrainArgs(), tuner_pb2.TuneArgs()
        proto_utils.json_to_proto(properties["train_args"], train_args)
        proto_utils.json_to_proto(properties["tune_args"], tune_args)
        self._train_steps = train_args.num_steps or None
        tasks = [Task("trainer", n, None) for n in range(max(1, tune_args.num_parallel_trials))]
        shares = gpu_shares(visible_gpus(), tasks, None) if len(tasks) > 1 else {}
        self._workers = [Worker(t.name, folder, shares.get(t.name)) for t in tasks]
        self._running: dict[str, Any] = {}

    def run(self) -> None:
        """Runs all trials.

        Raises:
            TrainingInterruptedError: if the process was asked to end.
            TfxEstimatorsError: that of the third trial in a row that failed.
        """
        total = getattr(self._search, "max_trials", None)
        with show_progress("EstimatorTuner", "trials", total) as progress, listening() as asked:
            try:
                while self._begin() or self._running:
                    asked.check("in a search, whose trials saved their checkpoints")
                    self._check_held()
                    self._take()
                    progress.reach(self._study.ended, running=len(self._running), **self._best())
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
            finally:
                Worker.end(self._workers, _SECONDS_TO_SAVE if self._running else 0)

    def _begin(self) -> bool:
        """Gives every free worker a trial; whether it gave any."""
        given = False
        for worker in self._workers:
            if worker.name in self._running:
                continue
            trial = self._study.next_trial(worker.name)
            if trial is None:
                break
            values = values_of(trial)
            # Trials of the same values are one training, which a later round goes on with.
            training = _with_facts(self._base, values)
            steps = steps_of(self._search, trial.hyperparameters.values, self._train_steps)
            worker.begin(Assignment(trial.trial_id, values, steps, training.to_json()))
            self._running[worker.name] = trial
            given = True
        return given

    def _take(self) -> None:
        for worker in self._workers:
            outcome = worker.outcome()
            if outcome is None:
                continue
            trial = self._running.pop(worker.name)
            if outcome.metrics is not None:
                self._study.complete(trial, outcome.metrics)
            elif outcome.error is not None:
                say(f"warning: with {values_of(trial)}, {outcome.error}")
                self._study.fail(trial, outcome.error)

    def _best(self) -> dict[str, object]:
        ranked = self._study.ranked()
        return {"best": f"{ranked[0].score:.4g}"} if ranked else {}


def _write_step(
    folder: pathlib.Path, inputs: dict[str, list[Artifact]], properties: dict[str, Any]
) -> None:
    model = standard_artifacts.Model()  # Trials export none.
    model.uri = str(folder / "model")
    step = {"inputs": inputs, "outputs": {"model": [model]}, "properties": properties}
    (folder / "step.json").write_text(json_utils.dumps(step), encoding="utf-8")


def _with_facts(training: Training, *facts: dict[str, Any]) -> Training:
    """The training with more facts to be told by from others."""
    text = dumps([training.fingerprint, *facts], sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:32]
    store = training.folder.rpartition("/")[0]
    return dataclasses.replace(training, folder=f"{store}/{fingerprint}", fingerprint=fingerprint)


def _space(properties: dict[str, Any]) -> Any:
    """What the module's `hyperparameters` returns."""
    module = UserModule.from_exec_properties(properties)
    loaded = module.load()
    with no_exit():
        space = loaded.hyperparameters()
    # Loaded after the module, which may want another Keras than KerasTuner does.
    import keras_tuner

    if not isinstance(space, keras_tuner.HyperParameters) or not space.space:
        said = "an empty one" if isinstance(space, keras_tuner.HyperParameters) else repr(space)
        raise EstimatorTypeError(
            f"hyperparameters() of {module.name} returned {said}",
            expected="a keras_tuner.HyperParameters with at least one value to choose",
            fix='add one, e.g. choices.Float("learning_rate", 1e-3, 1e-1, sampling="log")',
        )
    return space
