"""A version's way in, its share of the requests, and the way back.

Whatever is changed is read first and written only if nobody else wrote meanwhile
(`resourceVersion`); else it is read again. Done twice, each does the same as once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tfx_estimators.errors import PushError
from tfx_estimators.kubeflow.serving.kserve_resource import (
    MANAGED,
    changed,
    fresh,
    is_ours,
    is_standard,
    note,
    place,
    settings_digest,
    share,
    with_notes,
)
from tfx_estimators.kubeflow.serving.readiness import is_ready, wait_until_served, why_not
from tfx_estimators.kubeflow.serving.service import ServiceSettings

__all__ = ["Rollout", "Services", "look", "promote", "roll_back", "roll_out"]

_TIMES = 10


class Services(Protocol):
    """InferenceServices in one namespace; see `cluster.ClusterServices`."""

    namespace: str

    def get(self, name: str) -> dict[str, Any] | None:
        """A service; None if there is none."""

    def deployment(self, name: str) -> dict[str, Any] | None:
        """The Deployment that serves one in Standard mode; None if there is none."""

    def create(self, body: Mapping[str, Any]) -> bool:
        """Makes one; False if it is there."""

    def replace(self, body: Mapping[str, Any]) -> bool:
        """Changes one; False if it was changed meanwhile."""


@dataclasses.dataclass(frozen=True)
class Rollout:
    """What a service came to.

    Attributes:
        uri: where the newest version lies.
        percent: its share of the requests.
        previous: where the version lies that had all of them before; None for none.
        new: whether anything was changed.
    """

    uri: str
    percent: int
    previous: str | None
    new: bool


def roll_out(
    services: Services,
    settings: ServiceSettings,
    uri: str,
    say: Callable[[str], None],
    pause: float = 2.0,
) -> Rollout:
    """Serves a version, and waits until it does.

    A version that the service has already is left with the share that it has by now, and
    one that was gone back from does not come again.

    Args:
        services: of the namespace.
        settings: of the service.
        uri: where the version lies.
        say: takes what is going on.
        pause: seconds between two looks.

    Raises:
        ClusterError: if the cluster refuses something.
        PushError: if the service is somebody else's, or the version does not come to serve;
            what was there before is then put back.
    """
    for _ in range(_TIMES):
        live = services.get(settings.name)
        if live is None:
            if not services.create(fresh(settings, services.namespace, uri)):
                continue
            say(f"created the InferenceService {settings.name}: {uri}")
            _wait(services, settings, None, say, pause)
            return Rollout(uri, 100, None, new=True)
        _check_ours(live, services.namespace)
        if note(live, "refused") == uri:
            say(f"{uri} was rolled back: it is not served again")
            return _as_is(live)
        if place(live) == uri and note(live, "settings") == settings_digest(settings):
            say(f"{settings.name} already has {uri}")
            if share(live) != 0:
                _wait(services, settings, None, say, pause)
            return _as_is(live)
        body = changed(live, settings, uri)
        _check_share(body)
        if is_standard(live):
            services.deployment(settings.name)  # Whether it may be read, before anything changes.
        if not services.replace(body):
            continue
        say(f"{settings.name}: {uri} gets {_percent(body)}% of the requests")
        try:
            _wait(services, settings, live, say, pause)
        except PushError as error:
            _put_back(services, live, uri)
            raise PushError(
                f"{error}\n{settings.name} was rolled back to {place(live)}",
            ) from error
        return dataclasses.replace(_as_is(body), new=True)
    raise _changes_all_the_time(settings.name)


def look(services: Services, name: str) -> dict[str, Any]:
    """What a service serves, for people and as JSON.

    Raises:
        ClusterError: if the cluster refuses it.
        PushError: if there is no such service.
    """
    live = _existing(services, name)
    ready = is_ready(live, lambda: services.deployment(name))
    return {
        "name": name,
        "namespace": services.namespace,
        "uri": place(live),
        "traffic_percent": _percent(live),
        "previous": note(live, "previous"),
        "refused": note(live, "refused"),
        "url": (live.get("status") or {}).get("url"),
        "ready": ready,
        "why_not": None if ready else why_not(live),
    }


def promote(services: Services, name: str, percent: int = 100) -> Rollout:
    """Gives the newest version another share of the requests, by default all of them.

    Raises:
        ClusterError: if the cluster refuses it.
        PushError: if there is no such service, or no other version to share with.
    """

    def share_of(live: dict[str, Any]) -> dict[str, Any] | None:
        now = share(live)
        if now is None and percent < 100:
            raise PushError(
                f"{name} has only one version, {place(live)}, with all requests",
                expected="a canary under way",
                fix="push with InferenceService(canary_percent=...)",
            )
        if now == percent or (now is None and percent == 100):
            return None
        body = _with_predictor(live, percent=None if percent == 100 else percent)
        return with_notes(body, refused=None) if note(live, "refused") == place(live) else body

    return _change(services, name, share_of)


def roll_back(services: Services, name: str) -> Rollout:
    """Goes back to the version that had all requests before.

    A canary gets none of them any more, at once. After it was promoted, the version before
    takes its place, as soon as its server is up.

    Raises:
        ClusterError: if the cluster refuses it.
        PushError: if there is no such service, or no version before.
    """

    def back(live: dict[str, Any]) -> dict[str, Any] | None:
        previous, now = note(live, "previous"), share(live)
        if now == 0:
            return None
        if previous is None:
            raise PushError(
                f"{name} has no version before {place(live)}",
                expected="a service that has had another version",
                fix=f"tfx-estimators kserve show {name}",
            )
        if now is not None and now < 100:
            body = _with_predictor(live, percent=0)
            return with_notes(body, refused=place(live))
        body = _with_predictor(live, percent=None, uri=previous)
        return with_notes(body, previous=None, refused=place(live))

    return _change(services, name, back)


def _change(
    services: Services, name: str, how: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> Rollout:
    for _ in range(_TIMES):
        live = _existing(services, name)
        _check_ours(live, services.namespace)
        body = how(live)
        if body is None:
            return _as_is(live)
        _check_share(body)
        if services.replace(body):
            return dataclasses.replace(_as_is(body), new=True)
    raise _changes_all_the_time(name)


def _existing(services: Services, name: str) -> dict[str, Any]:
    live = services.get(name)
    if live is None:
        raise PushError(
            f"there is no InferenceService {name} in {services.namespace}",
            expected="one that a KServePusher created",
            fix="kubectl get inferenceservices --all-namespaces, then give --namespace",
        )
    return live


def _with_predictor(
    live: dict[str, Any], percent: int | None, uri: str | None = None
) -> dict[str, Any]:
    predictor = dict(live["spec"]["predictor"])
    predictor.pop("canaryTrafficPercent", None)
    if percent is not None:
        predictor["canaryTrafficPercent"] = percent
    if uri is not None:
        predictor["model"] = {**predictor["model"], "storageUri": uri}
    return {**live, "spec": {**live["spec"], "predictor": predictor}}


def _put_back(services: Services, before: dict[str, Any], uri: str) -> None:
    """As it was, unless somebody has put something else there meanwhile."""
    for _ in range(_TIMES):
        live = services.get(before["metadata"]["name"])
        if live is None or place(live) != uri:
            return
        version = live["metadata"]["resourceVersion"]
        metadata = {**before["metadata"], "resourceVersion": version}
        if services.replace({**before, "metadata": metadata}):
            return


def _wait(
    services: Services,
    settings: ServiceSettings,
    before: dict[str, Any] | None,
    say: Callable[[str], None],
    pause: float,
) -> None:
    name = settings.name
    wait_until_served(
        lambda: services.get(name),
        lambda: services.deployment(name),
        before,
        settings.seconds,
        say,
        pause,
    )


def _as_is(service: Mapping[str, Any]) -> Rollout:
    return Rollout(place(service), _percent(service), note(service, "previous"), new=False)


def _percent(service: Mapping[str, Any]) -> int:
    found = share(service)
    return 100 if found is None else found


def _check_ours(live: dict[str, Any], namespace: str) -> None:
    if is_ours(live):
        return
    name, (key, value) = live["metadata"]["name"], MANAGED
    raise PushError(
        f"the InferenceService {name} in {namespace} was made by somebody else",
        expected=f"one with the label {key}={value}, or none of that name",
        fix=f"choose another name, or: kubectl -n {namespace} label inferenceservice {name} "
        f"{key}={value}",
    )


def _check_share(body: Mapping[str, Any]) -> None:
    """KServe ignores it there, and the newest version gets all requests."""
    if is_standard(body) and share(body) not in (None, 100):
        raise PushError(
            f"KServe serves {body['metadata']['name']} in its Standard (RawDeployment) mode, where "
            f"no version can have {share(body)}% of the requests",
            expected="all requests for one version, or KServe's Knative (Serverless) mode",
            fix="leave canary_percent out of InferenceService",
        )


def _changes_all_the_time(name: str) -> PushError:
    return PushError(
        f"the InferenceService {name} was changed by others in all {_TIMES} attempts",
        expected="no other program that keeps writing to it",
        fix=f"kubectl get inferenceservice {name} -o yaml --show-managed-fields says who does",
    )
