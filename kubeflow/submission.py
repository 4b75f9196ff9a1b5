"""A package handed to a Kubeflow Pipelines server, and its run followed."""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from tfx_estimators.errors import PackageError, PipelineError, SubmissionError
from tfx_estimators.kubeflow.extra import from_extra
from tfx_estimators.kubeflow.pipelines_server import check_name, connect, refused
from tfx_estimators.kubeflow.remote_run import tasks_of_package

__all__ = ["Submission", "follow", "submit"]

_ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
_GOOD = ("SUCCEEDED", "SKIPPED")
_SECONDS_BETWEEN_LOOKS = 5.0
_SECONDS_AWAY = 300.0


@dataclasses.dataclass(frozen=True)
class Submission:
    """A run on a server.

    Attributes:
        run_id: the server's name for it.
        address: of its page.
        client: kfp's client.
    """

    run_id: str
    address: str
    client: Any


def submit(
    package: pathlib.Path,
    endpoint: str,
    *,
    experiment: str = "Default",
    run_name: str | None = None,
    parameters: Mapping[str, str] | None = None,
    pipeline_root: str | None = None,
    namespace: str | None = None,
    token: str | None = None,
    service_account: str | None = None,
) -> Submission:
    """Starts a run.

    Args:
        package: a compiled package.
        endpoint: of the server's API, e.g. "http://localhost:8888".
        experiment: which the run belongs to; made if there is none of this name.
        run_name: shown by the server; by default the pipeline's name and the time.
        parameters: values of the pipeline's own parameters.
        pipeline_root: where artifacts go, if elsewhere than the package says.
        namespace: on a server with several users.
        token: to authenticate with.
        service_account: of the steps; by default the server's own choice.

    Raises:
        MissingDependencyError: if kfp is not installed.
        PackageError: if the file is no package, or would keep its artifacts on this
            machine.
        SubmissionError: if the server is not there, refuses the token or the user, or
            does not take the package, or if Kubernetes takes no such name.
    """
    kfp_server_api = from_extra("kfp_server_api")
    spec = _read(package)
    root = pipeline_root or spec.get("defaultPipelineRoot") or ""
    if "://" not in root:
        raise PackageError(
            f"{package} keeps its artifacts in {root!r}, a path on this machine",
            expected="a bucket: minio://, s3:// or gs://",
            fix="pass --pipeline-root, here or to compile",
        )
    _check_parameters(spec, parameters or {}, package)
    check_name("namespace", namespace)
    check_name("service account", service_account)
    client = connect(endpoint, token, namespace)
    endpoint = endpoint.rstrip("/")
    try:
        name = spec["pipelineInfo"]["name"]
        run = client.create_run_from_pipeline_package(
            str(package),
            arguments=dict(parameters or {}),
            run_name=run_name or f"{name} {time.strftime('%Y-%m-%d %H:%M:%S')}",
            experiment_name=experiment,
            namespace=namespace,
            # The server does not read the one in the package.
            pipeline_root=root,
            service_account=service_account,
        )
    except kfp_server_api.ApiException as error:
        raise refused(endpoint, error) from error
    return Submission(run.run_id, f"{endpoint}/#/runs/details/{run.run_id}", client)


def follow(submission: Submission, say: Callable[[str], None]) -> None:
    """Waits for the run's end, and says how each task stands as it changes.

    A server that is away for less than five minutes is asked again.

    Args:
        submission: from `submit`.
        say: takes a line.

    Raises:
        PipelineError: if the run failed or was cancelled.
        SubmissionError: if the server stays away.
    """
    import kfp_server_api
    import urllib3

    states: dict[str, str] = {}
    answered = time.monotonic()
    while True:
        try:
            run = submission.client.get_run(submission.run_id)
            answered = time.monotonic()
        except (kfp_server_api.ApiException, urllib3.exceptions.HTTPError) as error:
            if getattr(error, "status", None) in (401, 403, 404):
                raise refused(submission.address, error) from error
            if time.monotonic() - answered > _SECONDS_AWAY:
                raise SubmissionError(
                    f"the server has not answered for {_SECONDS_AWAY / 60:.0f} minutes: {error}",
                    fix=f"the run continues; see {submission.address}",
                ) from error
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            continue
        for task in tasks_of_package(run):
            if states.get(task.task_id) != task.state:
                states[task.task_id] = task.state
                say(f"{task.display_name}: {str(task.state).lower()}{_why(task)}")
        if run.state in _ENDED:
            if run.state in _GOOD:
                return
            raise PipelineError(
                f"the run {submission.run_id} {run.state.lower()}{_why(run)}",
                fix=f"look at the logs of its steps: {submission.address}",
            )
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _why(told: Any) -> str:
    message = getattr(told.error, "message", None) if told.error else None
    return f": {message}" if message else ""


def _read(package: pathlib.Path) -> dict[str, Any]:
    import yaml

    try:
        spec = next(yaml.safe_load_all(package.read_text(encoding="utf-8")), None)
        if isinstance(spec, dict) and {"pipelineInfo", "root", "deploymentSpec"} <= spec.keys():
            return spec
        problem = "it holds no pipeline"
    except (
        OSError,
        yaml.YAMLError,
        # Of scalars that are no dates or numbers though they look it, and of deep nesting.
        ValueError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        problem = str(error).partition("\n")[0]
    raise PackageError(
        f"{package} is not a package: {problem}",
        expected="a file that compile wrote",
        fix=f"tfx-estimators compile PIPELINE -o {package}",
    )


def _check_parameters(
    spec: dict[str, Any], given: Mapping[str, str], package: pathlib.Path
) -> None:
    known = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise PackageError(
            f"{package} has no parameter {', '.join(unknown)}",
            expected=f"some of {', '.join(sorted(known))}" if known else "no parameters",
            fix="correct --parameter NAME=VALUE",
        )
