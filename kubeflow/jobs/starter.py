"""Runs the processes of an `EstimatorTrainer` as a job of the cluster.

The step's own pod starts the job, follows it, and afterwards evaluates and exports. What
it hands the job lies beside the checkpoints, on a volume that all pods mount.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tfx_estimators.components.trainer.announcement import say
from tfx_estimators.components.trainer.processes.member_files import give_start
from tfx_estimators.components.trainer.processes.starters import Step, Watch
from tfx_estimators.components.trainer.request import TrainingRequest
from tfx_estimators.components.trainer.session.role import StatusFile
from tfx_estimators.environment_variables import POD_SETTINGS
from tfx_estimators.errors import ClusterError, TrainingError, TrainingInterruptedError
from tfx_estimators.kubeflow.entrypoint.uris import is_copied
from tfx_estimators.kubeflow.jobs.heartbeat import Heartbeat
from tfx_estimators.kubeflow.jobs.interface import Job, Jobs, JobState, Phase, Replica
from tfx_estimators.kubeflow.jobs.log_stream import LogStream

__all__ = ["STARTER", "JobStarter", "job_name"]

_MODULE = "tfx_estimators.kubeflow.jobs.member"
_LAST_LINES = 15
_SECONDS_BETWEEN_LOOKS = 1.0
_LEADERS = ("chief-0", "worker-0")


def job_name(job: TrainingRequest) -> str:
    """The same for the same training, so that a retry finds the job of the attempt before."""
    return f"train-{job.training.fingerprint[:24]}"


class JobStarter:
    """Starts, follows and ends jobs; see `components.trainer.elsewhere.Starter`.

    Args:
        connect: makes the connection to the cluster, when it is needed.
        seconds: between two looks at the job.
    """

    def __init__(
        self, connect: Callable[[], Jobs], seconds: float = _SECONDS_BETWEEN_LOOKS
    ) -> None:
        self._connect = connect
        self._seconds = seconds

    def run_members(
        self,
        request: TrainingRequest,
        step: Step,
        logs: pathlib.Path,
        watch: Watch,
    ) -> None:
        """Runs the job to its end. Leaving early, by any way, ends its processes.

        Raises:
            ClusterError: if the cluster refuses something.
            TrainingError: if a process fails, with its name and last lines.
            TrainingInterruptedError: if its machine was taken away: a retry of the step goes
                on from the last checkpoint.
        """
        assert request.distribution is not None, "else nothing is to be started"
        folder = _shared_folder(request)
        jobs = self._connect()
        name = job_name(request)
        wanted = Job(
            name=name,
            replicas=request.distribution.tasks(),
            command=["python", "-m", _MODULE, str(folder)],
            pod=json.loads(os.environ.get(POD_SETTINGS) or '{"pod": {}, "container": {}}'),
            labels={"app.kubernetes.io/managed-by": "tfx-estimators"},
        )
        state = jobs.state(name)
        if state is not None and state.phase is not Phase.FAILED:
            say(f"found the training job {name}, which an earlier attempt started")
        else:
            if state is not None:
                jobs.remove(name)
            self._prepare(request, wanted, step, folder)
            jobs.start(wanted)
            say(f"started the training job {name}: {_counted(wanted.replicas)}")
        try:
            self._follow(jobs, wanted, folder, watch)
        except ClusterError:
            raise  # It is not for us to say how the job stands.
        except BaseException:
            self._keep_logs(jobs, wanted, logs)
            jobs.remove(name)
            raise
        self._keep_logs(jobs, wanted, logs)
        jobs.remove(name)
        shutil.rmtree(folder, ignore_errors=True)

    def _prepare(
        self, request: TrainingRequest, wanted: Job, step: Step, folder: pathlib.Path
    ) -> None:
        """Puts what the processes read where all of them see it."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for kind, count in wanted.replicas.items():
            for index in range(count):
                give_start(request.training, folder / f"{kind}-{index}")
        shared = {
            key: [_visible(artifact, folder / "inputs" / f"{key}-{i}") for i, artifact in
                  enumerate(artifacts)]
            for key, artifacts in request.inputs.items()
        }  # fmt: skip
        (folder / "step.json").write_text(step(shared, request.outputs), encoding="utf-8")

    def _follow(self, jobs: Jobs, wanted: Job, folder: pathlib.Path, watch: Watch) -> None:
        total = sum(wanted.replicas.values())
        leader = _LEADERS[0] if "chief" in wanted.replicas else _LEADERS[1]
        status = StatusFile(folder / f"{leader}.status")
        logs = LogStream(jobs, wanted)
        heartbeat = Heartbeat(folder)
        said = ""
        while True:
            heartbeat.beat()
            state = jobs.state(wanted.name)
            if state is None:
                raise TrainingInterruptedError(
                    f"the training job {wanted.name} was deleted",
                    fix="run the step again: it goes on from the last checkpoint",
                )
            running = sum(one.phase is Phase.RUNNING for one in state.replicas)
            watch(status.read(), running, total)
            _check(jobs, wanted, state)
            done = _is_done(state, wanted)
            begun = [one.name for one in state.replicas if one.phase is not Phase.WAITING]
            logs.look(begun, last=done)
            if done:
                return
            waiting = _waiting(state.replicas)
            if waiting and waiting != said:
                said = waiting
                say(f"waiting: {waiting}")
            time.sleep(self._seconds)

    def _keep_logs(self, jobs: Jobs, wanted: Job, logs: pathlib.Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        for kind, count in wanted.replicas.items():
            for index in range(count):
                text = jobs.log(wanted.name, f"{kind}-{index}")
                (logs / f"{kind}-{index}.log").write_text(text, encoding="utf-8")


def _check(jobs: Jobs, wanted: Job, state: JobState) -> None:
    failed = [one for one in state.replicas if one.phase is Phase.FAILED]
    # Of several the one whose machine went away took the others with it.
    for one in sorted(failed, key=lambda one: not one.preempted):
        if one.preempted:
            raise TrainingInterruptedError(
                f"{one.name} of {wanted.name} lost its machine: {one.reason}",
                fix="run the step again, or give it Resources(retries=Retries(3)): it goes on "
                "from the last checkpoint",
            )
        lines = jobs.log(wanted.name, one.name, _LAST_LINES).splitlines()[-_LAST_LINES:]
        shown = "\n".join(f"    {line}" for line in lines)
        raise TrainingError(
            f"{one.name} of {wanted.name} failed: {one.reason}; its last lines:\n{shown}",
            expected="every process to finish on its own",
            fix="correct the cause shown in its last lines and run the pipeline again",
        )
    if state.phase is Phase.FAILED:
        raise TrainingError(
            f"the training job {wanted.name} failed: {state.reason}",
            expected="a job that can be scheduled and finishes on its own",
            fix=f"kubectl describe tfjob {wanted.name}",
        )


def _is_done(state: JobState, wanted: Job) -> bool:
    """Whether all have ended but the parameter servers, which serve until they are ended."""
    done = {one.name for one in state.replicas if one.phase is Phase.SUCCEEDED}
    return all(
        f"{kind}-{index}" in done
        for kind, count in wanted.replicas.items()
        if kind != "ps"
        for index in range(count)
    )


def _waiting(replicas: Iterable[Replica]) -> str:
    reasons = [
        f"{one.name}: {one.reason}"
        for one in replicas
        if one.phase is Phase.WAITING and one.reason and "ContainerCreating" not in one.reason
    ]
    return "; ".join(reasons)


def _shared_folder(job: TrainingRequest) -> pathlib.Path:
    folder = job.training.folder
    if "://" in folder or is_copied(folder):
        raise TrainingError(
            f"the checkpoints are in {folder}, which the training's processes do not share",
            expected="a folder on a volume that the step mounts",
            fix="Resources(volumes=[Claim('checkpoints', '/volume')]) on the trainer, and "
            "checkpoint_store='/volume/checkpoints'",
        )
    return pathlib.Path(f"{folder}.job")


def _visible(artifact: Any, folder: pathlib.Path) -> Any:
    """An input where every pod sees it: copied if it lies in this pod only."""
    import copy

    if not is_copied(artifact.uri):
        return artifact
    shutil.copytree(artifact.uri, folder)
    shown = copy.deepcopy(artifact)
    shown.uri = str(folder)
    return shown


def _counted(replicas: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in replicas.items())


def _connect() -> Jobs:
    from tfx_estimators.kubeflow.jobs.cluster import ClusterJobs

    return ClusterJobs()


STARTER = JobStarter(_connect)
"""What the variable STARTER names in a step that compiling has prepared."""
