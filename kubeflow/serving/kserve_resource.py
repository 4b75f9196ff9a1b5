"""An InferenceService in KServe's words, `serving.kserve.io/v1beta1`.

https://kserve.github.io/website/docs/reference/crd-api. What this package has to know of a
service the next time is kept in its annotations.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from typing import Any

from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.serving.service import ServiceSettings

__all__ = [
    "GROUP",
    "MANAGED",
    "PLURAL",
    "VERSION",
    "changed",
    "fresh",
    "is_ours",
    "is_standard",
    "note",
    "place",
    "settings_digest",
    "share",
    "with_notes",
]

GROUP, VERSION, PLURAL = "serving.kserve.io", "v1beta1", "inferenceservices"
MANAGED = ("app.kubernetes.io/managed-by", "tfx-estimators")
_PREFIX = "tfx-estimators/"
_MODE = "serving.kserve.io/deploymentMode"


def fresh(settings: ServiceSettings, namespace: str, uri: str) -> dict[str, Any]:
    """A service that is not there yet: the version gets all requests."""
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "InferenceService",
        "metadata": {
            "name": settings.name,
            "namespace": namespace,
            "labels": dict([MANAGED]),
        },
        "spec": {"predictor": _predictor(settings, uri)},
    }
    return with_notes(body, settings=settings_digest(settings))


def changed(live: Mapping[str, Any], settings: ServiceSettings, uri: str) -> dict[str, Any]:
    """The same service with another version, or with other settings.

    A new version gets its first share; settings that change leave the shares as they are.
    """
    predictor = _predictor(settings, uri)
    previous = note(live, "previous")
    if place(live) == uri:
        percent = share(live)
    else:
        percent = settings.canary_percent
        # What has the rest of the requests: not a canary before this one.
        previous = place(live) if share(live) in (None, 100) else previous
    if percent is not None:
        predictor["canaryTrafficPercent"] = percent
    body = copy.deepcopy(dict(live))
    body["spec"] = {**body["spec"], "predictor": predictor}
    return with_notes(
        body, settings=settings_digest(settings), previous=previous, refused=note(live, "refused")
    )


def place(service: Mapping[str, Any]) -> str:
    """Where a service's newest version lies; "" if it says nothing."""
    predictor = service["spec"].get("predictor") or {}
    return str((predictor.get("model") or {}).get("storageUri") or "")


def share(service: Mapping[str, Any]) -> int | None:
    """The newest version's share of the requests in percent; None for all."""
    found: int | None = (service["spec"].get("predictor") or {}).get("canaryTrafficPercent")
    return found


def note(service: Mapping[str, Any], name: str) -> str | None:
    """What was noted with a service, or None.

    Args:
        service: the service.
        name: "previous", where the version lies that had all the requests before;
            "refused", the one that was gone back from; "settings".
    """
    found: str | None = (service["metadata"].get("annotations") or {}).get(_PREFIX + name)
    return found


def with_notes(service: dict[str, Any], **notes: str | None) -> dict[str, Any]:
    """The service with other notes; None removes one."""
    metadata = dict(service["metadata"])
    annotations = dict(metadata.get("annotations") or {})
    for name, value in notes.items():
        annotations.pop(_PREFIX + name, None)
        if value is not None:
            annotations[_PREFIX + name] = value
    return {**service, "metadata": {**metadata, "annotations": annotations}}


def is_ours(service: Mapping[str, Any]) -> bool:
    """Whether it was made by this package."""
    key, value = MANAGED
    return bool((service["metadata"].get("labels") or {}).get(key) == value)


def is_standard(service: Mapping[str, Any]) -> bool:
    """Whether KServe serves it by a Deployment: it then knows no shares of requests.

    Args:
        service: as KServe 0.15 calls the mode, RawDeployment, or as later ones, Standard.
    """
    annotations = service["metadata"].get("annotations") or {}
    mode = (service.get("status") or {}).get("deploymentMode") or annotations.get(_MODE)
    return mode in ("RawDeployment", "Standard")


def settings_digest(settings: ServiceSettings) -> str:
    """Tells whether settings changed: the server fills in what was left out."""
    text = dumps(settings.predictor, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _predictor(settings: ServiceSettings, uri: str) -> dict[str, Any]:
    predictor = copy.deepcopy(settings.predictor)
    predictor["model"]["storageUri"] = uri
    return predictor
