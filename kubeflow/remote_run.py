"""How far a run on a Kubeflow Pipelines server is, as the server says."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from tfx_estimators.errors import NotInMetadataError
from tfx_estimators.kubeflow.extra import from_extra
from tfx_estimators.kubeflow.pipelines_server import check_name, connect, refused

__all__ = ["RemoteRun", "RemoteTask", "look_at_run", "tasks_of_package"]

_NEVER = 1971  # Times that have not come are in 1970.


@dataclasses.dataclass(frozen=True)
class RemoteTask:
    """A task of a run.

    Attributes:
        step: the task's name in the package.
        state: as the server calls it, in small letters: "pending", "running", "succeeded" ...
        seconds: how long it has taken; None before it begins.
        error: why it failed; empty if it did not.
    """

    step: str
    state: str
    seconds: float | None
    error: str


@dataclasses.dataclass(frozen=True)
class RemoteRun:
    """A run.

    Attributes:
        id: the server's name for it.
        name: its title.
        state: as of a task.
        tasks: those that the server knows of, in order of time.
    """

    id: str
    name: str
    state: str
    tasks: tuple[RemoteTask, ...]


def look_at_run(
    run: str, endpoint: str, *, namespace: str | None = None, token: str | None = None
) -> RemoteRun:
    """Asks a server how far a run is.

    Args:
        run: its id, or "latest".
        endpoint: of the server's API, e.g. "http://localhost:8888".
        namespace: on a server with several users.
        token: to authenticate with.

    Raises:
        MissingDependencyError: if kfp is not installed.
        SubmissionError: if the server is not there, or refuses the user.
        NotInMetadataError: if it knows no such run.
    """
    kfp_server_api = from_extra("kfp_server_api")
    check_name("namespace", namespace)
    client = connect(endpoint, token, namespace)
    try:
        if run == "latest":
            listed = client.list_runs(
                page_size=1, sort_by="created_at desc", namespace=namespace
            ).runs
            if not listed:
                raise NotInMetadataError(
                    f"{endpoint} has no runs",
                    expected="a run that was submitted",
                    fix="tfx-estimators submit PACKAGE, or pass --namespace",
                )
            run = listed[0].run_id
        found = client.get_run(run)
    except kfp_server_api.ApiException as error:
        if error.status == 404:
            raise NotInMetadataError(
                f"{endpoint} has no run {run!r}",
                expected="the id at the end of the address that submit printed",
                fix=f"tfx-estimators status latest --endpoint {endpoint}",
            ) from error
        raise refused(endpoint, error) from error
    return RemoteRun(found.run_id, found.display_name or "", _state(found), tuple(_tasks(found)))


def tasks_of_package(run: Any) -> list[Any]:
    """The tasks that a run tells of, as kfp has them, without those that the backend adds.

    Args:
        run: a V2beta1Run.
    """
    listed = (run.run_details.task_details if run.run_details else None) or ()
    wanted = _names_in(run.pipeline_spec)
    return [
        task
        for task in listed
        if (name := task.display_name)
        and (name in wanted if wanted else not name.endswith("-driver"))
    ]


def _tasks(run: Any) -> list[RemoteTask]:
    """The newest attempt of each."""
    newest = {task.display_name: task for task in sorted(tasks_of_package(run), key=_began)}
    return [
        RemoteTask(name, _state(task), _seconds(task), _error(task))
        for name, task in sorted(newest.items(), key=lambda one: _began(one[1]))
    ]


def _names_in(spec: Any) -> set[str]:
    """Names of the tasks; none if the server does not say which package it is."""
    whole = spec if isinstance(spec, dict) else {}
    inner = whole.get("pipeline_spec") or whole
    return set(((inner.get("root") or {}).get("dag") or {}).get("tasks") or ())


def _state(one: Any) -> str:
    return str(one.state or "pending").lower()


def _began(task: Any) -> float:
    return _moment(task.start_time) or _moment(task.create_time) or float("inf")


def _seconds(task: Any) -> float | None:
    began = _moment(task.start_time)
    if began is None:
        return None
    ended = _moment(task.end_time) or datetime.datetime.now(datetime.timezone.utc).timestamp()
    return max(0.0, ended - began)


def _moment(time: datetime.datetime | None) -> float | None:
    return None if time is None or time.year < _NEVER else time.timestamp()


def _error(task: Any) -> str:
    return str(getattr(task.error, "message", None) or "")
