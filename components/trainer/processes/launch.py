"""Runs a training in several processes: writes the task down, starts them, shows progress."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tfx.dsl.io import fileio
from tfx.utils import json_utils

from tfx_estimators.components.examples import read_batches
from tfx_estimators.components.lease import now_and_then
from tfx_estimators.components.progress import show_progress
from tfx_estimators.components.scratch import scratch_folder
from tfx_estimators.components.trainer.processes.done_marks import check_done
from tfx_estimators.components.trainer.processes.member_errors import read_error
from tfx_estimators.components.trainer.processes.member_files import Said
from tfx_estimators.components.trainer.processes.starters import Watch, find_starter
from tfx_estimators.components.trainer.request import Artifacts, TrainingRequest
from tfx_estimators.components.trainer.session.interruption import listening
from tfx_estimators.components.trainer.session.role import Part, StatusFile
from tfx_estimators.errors import (
    EmptySplitError,
    LostWorkersError,
    TfxEstimatorsError,
    TrainingError,
    UnsupportedOptionError,
)
from tfx_estimators.estimator.distribution import MultiWorker, ParameterServer
from tfx_estimators.estimator.distribution.processes import Task, run_tasks, tasks_of
from tfx_estimators.estimator.distribution.shares import VARIABLE, gpu_shares, visible_gpus

__all__ = ["joined_task", "train_in_processes"]

_LOGS = "logs"
_SCRATCH = "tfx-estimators-training-"
_WAS_ENDED = " was ended by "  # as `run_tasks` has it of a process that got a signal


def train_in_processes(request: TrainingRequest) -> None:
    """Trains as the request's policy says.

    The processes are started here, or where the environment says: see `elsewhere`. Their
    logs are kept in the training's folder under `logs/`.

    Args:
        request: what the step was given.

    Raises:
        EmptySplitError: if there are fewer records than workers.
        TrainingError: if a process fails, with what it raised and its trace as the cause.
        TfxEstimatorsError: what it raised, where that was an error of this package.
    """
    assert request.distribution is not None, "else the executor trains in its own process"

    attempt = uuid.uuid4().hex

    def step(inputs: Artifacts, outputs: Artifacts) -> str:
        return json_utils.dumps(
            {
                "inputs": inputs,
                "outputs": outputs,
                "properties": dict(request.properties),
                # Of a trial of a search neither is what the step was given.
                "hyperparameters": request.hyperparameters,
                "train_steps": request.train_steps,
                "training": request.training.to_json(),
                "attempt": attempt,
            }
        )

    joined = joined_task()
    tasks = [joined] if joined is not None else _own_tasks(request)
    with scratch_folder(pathlib.Path(tempfile.gettempdir()), _SCRATCH, TrainingError) as folder:
        (folder / "step.json").write_text(step(request.inputs, request.outputs), encoding="utf-8")
        try:
            starter = find_starter() if len(tasks) > 1 else None
            if tasks[0].tf_config is None:
                _run(request, tasks, Part.WHOLE, folder)
                _check(request, attempt, tasks)
            elif starter is None:
                _run(request, tasks, Part.MEMBER, folder)
                _check(request, attempt, tasks)
            else:
                with _watched(request) as watch:
                    starter.run_members(request, step, folder / _LOGS, watch)
                _check(request, attempt, tasks)
            if tasks[0].tf_config is not None and any(task.leads for task in tasks):
                finish = [Task("trainer", 0, None)]
                _run(request, finish, Part.FINISH, folder)
                _check(request, attempt, finish)
        finally:
            _keep_logs(folder / _LOGS, request)


def _check(request: TrainingRequest, attempt: str, tasks: Sequence[Task]) -> None:
    # Parameter servers are ended once the others have.
    check_done(request.training.folder, attempt, [task.name for task in tasks if task.kind != "ps"])


def joined_task() -> Task | None:
    """This process's part where TF_CONFIG names a cluster; None where it names none."""
    around = json.loads(os.environ.get("TF_CONFIG") or "{}")
    if not around.get("cluster"):
        return None
    task = around["task"]
    return Task(str(task["type"]), int(task["index"]), around)


def _own_tasks(request: TrainingRequest) -> list[Task]:
    """All of the policy's."""
    policy = request.distribution
    assert policy is not None, "checked before"
    if isinstance(policy, MultiWorker | ParameterServer) and policy.sharding == "disjoint":
        _check_every_worker_has_data(request, policy.readers)
    return tasks_of(policy)


def _check_every_worker_has_data(request: TrainingRequest, readers: int) -> None:
    try:
        files = request.train_files()
    except UnsupportedOptionError:
        return  # A format that the module itself reads.
    records = itertools.chain.from_iterable(read_batches(files))
    found = sum(1 for _ in itertools.islice(records, readers))
    if found < readers:
        raise EmptySplitError(
            f"the splits {', '.join(request.train_splits)} have {found} examples for {readers} "
            "training processes: some would have none",
            expected="at least one example per process",
            fix="use fewer workers, or sharding='shuffled'",
        )


def _run(request: TrainingRequest, tasks: Sequence[Task], part: Part, folder: pathlib.Path) -> None:
    (leader, *_) = [task for task in tasks if task.leads] or tasks
    status = StatusFile(folder / f"{leader.name}.status")

    def command(task: Task) -> list[str]:
        module = "tfx_estimators.components.trainer.processes.task"
        return [sys.executable, "-m", module, str(folder), task.name, part.value]

    held = now_and_then(request.training.check)
    said = Said(folder / _LOGS / f"{leader.name}.log")
    for task in tasks:
        (folder / task.name).mkdir(exist_ok=True)
    with _shown(request, part) as show, listening() as interruption:

        def watch(running: int, of: int) -> None:
            said.repeat()
            held()
            show(status.read(), running, of)
            interruption.check("in its processes")

        try:
            run_tasks(tasks, command, folder / _LOGS, watch, _devices(request, tasks))
        except TrainingError as error:
            raised = _first_error(tasks, folder)
            killed = isinstance(raised, LostWorkersError) and _WAS_ENDED in str(error)
            if raised is None or killed:
                raise
            raise raised from raised.__cause__


def _first_error(tasks: Sequence[Task], folder: pathlib.Path) -> TfxEstimatorsError | None:
    """What the processes failed with first; the others only lost their partner."""
    files = {folder / f"{task.name}.error": task for task in tasks}
    written = sorted((file for file in files if file.exists()), key=lambda f: f.stat().st_mtime_ns)
    errors = [read_error(file, files[file].name) for file in written]
    found = [error for error in errors if error is not None]
    # One that was lost says nothing of why.
    causes = [error for error in found if not isinstance(error, LostWorkersError)]
    return next(iter(causes or found), None)


def _devices(
    request: TrainingRequest, tasks: Sequence[Task]
) -> Callable[[Task], Mapping[str, str]]:
    """Keeps processes of this machine off each other's GPUs; one alone sees them all."""
    if len(tasks) == 1:
        return lambda task: {}
    asked = request.distribution.accelerators if request.distribution is not None else None
    shares = gpu_shares(visible_gpus(), tasks, asked.count if asked is not None else None)
    return lambda task: {VARIABLE: shares[task.name]} if shares else {}


def _keep_logs(logs: pathlib.Path, request: TrainingRequest) -> None:
    kept = f"{request.training.folder}/{_LOGS}"
    for log in logs.glob("*.log"):
        # Other machines of a cluster put theirs there too.
        fileio.makedirs(kept)
        fileio.copy(str(log), f"{kept}/{log.name}", overwrite=True)


@contextlib.contextmanager
def _watched(request: TrainingRequest) -> Iterator[Watch]:
    """As `_shown`, for processes elsewhere: also ends the watching when the step is to end."""
    held = now_and_then(request.training.check)
    with _shown(request, Part.MEMBER) as show, listening() as interruption:

        def watch(status: Mapping[str, Any] | None, running: int, of: int) -> None:
            held()
            show(status, running, of)
            interruption.check("in its job, whose processes were told")

        yield watch


@contextlib.contextmanager
def _shown(request: TrainingRequest, part: Part) -> Iterator[Watch]:
    """Shows one line for all processes: how far the leader is, and how many run."""
    if part is Part.FINISH:
        with show_progress("EstimatorTrainer: evaluation and export", "models", 1) as progress:
            yield lambda status, running, of: None
            progress.reach(1)
        return
    with show_progress("EstimatorTrainer", "steps", request.train_steps) as progress:

        def watch(status: Mapping[str, Any] | None, running: int, of: int) -> None:
            state = status or {"step": 0, "fields": {}}
            progress.reach(state["step"], **state["fields"], processes=f"{running}/{of}")

        yield watch
