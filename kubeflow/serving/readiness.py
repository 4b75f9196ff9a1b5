"""Whether a version serves: what KServe writes into a service's status.

In Knative mode KServe copies the Knative service's generation, in Standard mode the
deployment's, into `status.observedGeneration` (`PropagateStatus` and `PropagateRawStatus`,
KServe 0.15): it is not that of the InferenceService, but it changes when a version comes.
In Standard mode KServe calls a service ready, and its model up to date, while the version
before still serves and the new one does not: there the Deployment tells (KServe 0.15.2).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tfx_estimators.errors import PushError
from tfx_estimators.kubeflow.serving.kserve_resource import is_standard, place

__all__ = ["is_ready", "wait_until_served", "why_not"]

_FAILED = ("BlockedByFailedLoad", "InvalidSpec")
_SECONDS_BETWEEN_LOOKS = 2.0
_SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"

ReadDeployment = Callable[[], Mapping[str, Any] | None]


def is_ready(service: Mapping[str, Any], read_deployment: ReadDeployment) -> bool:
    """Whether the newest version that the cluster knows of serves.

    Args:
        service: the service.
        read_deployment: reads its Deployment; called in Standard mode only.
    """
    if not _says_ready(service):
        return False
    return not is_standard(service) or _is_rolled_out(read_deployment(), place(service))


def _is_rolled_out(deployment: Mapping[str, Any] | None, uri: str) -> bool:
    """Whether all replicas are of this version, as `kubectl rollout status` looks at it."""
    if deployment is None:
        return False
    template = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    return (
        template.get(_SOURCE, uri) == uri
        and status.get("observedGeneration") == deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) >= wanted
        and status.get("replicas", 0) <= status.get("updatedReplicas", 0)
        and status.get("availableReplicas", 0) >= status.get("updatedReplicas", 0)
    )


def _says_ready(service: Mapping[str, Any]) -> bool:
    status = service.get("status") or {}
    predictor = (status.get("components") or {}).get("predictor") or {}
    return (
        _conditions(service).get("Ready", {}).get("status") == "True"
        and predictor.get("latestReadyRevision") == predictor.get("latestCreatedRevision")
        and _model(service).get("transitionStatus", "UpToDate") == "UpToDate"
    )


def why_not(service: Mapping[str, Any]) -> str:
    """Why it does not, in KServe's words."""
    failure = _model(service).get("lastFailureInfo") or {}
    said = [_joined(failure.get("reason"), failure.get("message"))]
    for kind, condition in sorted(_conditions(service).items()):
        if condition.get("status") != "True":
            said.append(_joined(kind, condition.get("reason"), condition.get("message")))
    if _says_ready(service):
        said.append("not all of its pods serve the version yet")
    return "; ".join(part for part in said if part) or "it has no status: is KServe running?"


def wait_until_served(
    read: Callable[[], Mapping[str, Any] | None],
    read_deployment: ReadDeployment,
    before: Mapping[str, Any] | None,
    seconds: float,
    say: Callable[[str], None],
    pause: float = _SECONDS_BETWEEN_LOOKS,
) -> None:
    """Waits until a version serves.

    Args:
        read: reads the service.
        read_deployment: reads its Deployment; called in Standard mode only.
        before: the service as it was before the version came; None to take its status as
            that of the version.
        seconds: at most.
        say: takes why it does not yet, when that changes.
        pause: seconds between two looks.

    Raises:
        PushError: if the model does not load, the service is deleted, or the time is over.
    """
    deadline = time.monotonic() + seconds
    said = ""
    while True:
        service = read()
        if service is None:
            raise PushError(
                "the InferenceService was deleted before it became ready",
                fix="run the step again",
            )
        seen = before is None or _generation(service) != _generation(before)
        fails = _model(service).get("transitionStatus") in _FAILED
        if fails and (seen or before is None or _model(service) != _model(before)):
            raise PushError(
                f"KServe cannot serve {service['metadata']['name']}: {why_not(service)}",
                expected="a model that its TensorFlow runtime loads",
                fix="kubectl describe inferenceservice " + str(service["metadata"]["name"]),
            )
        if seen and is_ready(service, read_deployment):
            return
        if time.monotonic() > deadline:
            raise PushError(
                f"{service['metadata']['name']} is not serving after {seconds:g} s: "
                f"{why_not(service)}",
                expected="an InferenceService that becomes ready",
                fix="kubectl describe inferenceservice " + str(service["metadata"]["name"]),
            )
        if seen and (why := why_not(service)) != said:
            said = why
            say(f"waiting: {why}")
        time.sleep(pause)


def _conditions(service: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {one["type"]: one for one in (service.get("status") or {}).get("conditions") or ()}


def _model(service: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (service.get("status") or {}).get("modelStatus") or {}
    return found


def _generation(service: Mapping[str, Any]) -> Any:
    return (service.get("status") or {}).get("observedGeneration")


def _joined(*parts: str | None) -> str:
    return ": ".join(part for part in parts if part)
