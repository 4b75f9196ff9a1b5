"""What is asked for: which service, how large, and how much of the requests at first."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from tfx_estimators.components.resources import Claim, Resources
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.jobs.pods import pod_settings

__all__ = ["InferenceService", "ServiceSettings", "check_name"]

# As KServe's own webhook has it (IsvcNameFmt, KServe 0.15).
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# A label of the service's address is NAME-predictor-NAMESPACE, and DNS takes 63.
_LONGEST = 63 - len("-predictor")


@dataclasses.dataclass(frozen=True)
class InferenceService:
    """An InferenceService (`serving.kserve.io/v1beta1`) that serves what is pushed.

    Attributes:
        name: small letters, digits and dashes, a letter first.
        namespace: by default the step's own.
        claim: the volume that the versions lie on; None where they are pushed to a bucket.
        canary_percent: share of the requests that a new version gets until it is promoted;
            None for all of them. It takes KServe's Knative mode.
        resources: of the server: cpu, memory, accelerator, machines, variables, volumes.
        service_account: that has the rights to read the bucket.
        min_replicas: 0 lets Knative stop it while nobody asks.
        max_replicas: up to how many.
        seconds: in which a version has to serve; else what was there before is put back.

    Raises:
        UnsupportedOptionError: if Kubernetes or KServe would not take a value.
    """

    name: str
    namespace: str | None = None
    claim: Claim | None = None
    canary_percent: int | None = None
    resources: Resources = Resources()  # noqa: RUF009
    service_account: str | None = None
    min_replicas: int = 1
    max_replicas: int | None = None
    seconds: int = 900

    def __post_init__(self) -> None:
        check_name(self.name)
        percent = self.canary_percent
        if percent is not None and (type(percent) is not int or not 0 < percent < 100):
            raise _refused("canary_percent", percent, "1 to 99, or None for all requests")
        if type(self.min_replicas) is not int or self.min_replicas < 0:
            raise _refused("min_replicas", self.min_replicas, "an integer of at least 0")
        most = self.max_replicas
        if most is not None and (type(most) is not int or most < max(1, self.min_replicas)):
            raise _refused("max_replicas", most, "an integer of at least min_replicas")
        if type(self.seconds) is not int or self.seconds < 1:
            raise _refused("seconds", self.seconds, "an integer of at least 1")

    def to_json(self) -> str:
        """As JSON, the form of the execution property; see `ServiceSettings`."""
        settings = pod_settings(self.resources, None)
        container = {key: value for key, value in settings["container"].items() if value}
        predictor: dict[str, Any] = {
            **settings["pod"],
            "minReplicas": self.min_replicas,
            "model": {"modelFormat": {"name": "tensorflow"}, **container},
        }
        if self.max_replicas is not None:
            predictor["maxReplicas"] = self.max_replicas
        if self.service_account is not None:
            predictor["serviceAccountName"] = self.service_account
        said = ServiceSettings(
            name=self.name,
            namespace=self.namespace,
            claim=None if self.claim is None else (self.claim.name, self.claim.path),
            canary_percent=self.canary_percent,
            predictor=predictor,
            seconds=self.seconds,
        )
        return dumps(dataclasses.asdict(said), sort_keys=True)


@dataclasses.dataclass(frozen=True)
class ServiceSettings:
    """An `InferenceService` as the step has it.

    Attributes:
        name: of the service.
        namespace: None for the step's own.
        claim: name and path of the volume; None where versions lie in a bucket.
        canary_percent: a new version's share; None for all.
        predictor: `spec.predictor`, but for the model's place and its share.
        seconds: in which a version has to serve.
    """

    name: str
    namespace: str | None
    claim: tuple[str, str] | None
    canary_percent: int | None
    predictor: dict[str, Any]
    seconds: int

    @classmethod
    def from_json(cls, text: str) -> ServiceSettings:
        """Reads what `InferenceService.to_json` wrote."""
        fields = json.loads(text)
        claim = fields.pop("claim")
        return cls(**fields, claim=None if claim is None else (claim[0], claim[1]))


def check_name(name: str, namespace: str = "") -> None:
    """Makes sure that KServe takes a name.

    Raises:
        UnsupportedOptionError: with a name that would do.
    """
    longest = _LONGEST - (len(namespace) + 1 if namespace else 0)
    if isinstance(name, str) and _NAME.fullmatch(name) and len(name) <= longest:
        return
    better = re.sub(r"[^a-z0-9]+", "-", str(name).lower()).strip("-0123456789")
    where = f", in the namespace {namespace!r}" if namespace else ""
    raise UnsupportedOptionError(
        f"the InferenceService's name {name!r} is not valid{where}",
        expected=f"lowercase letters, digits and dashes, starting with a letter, at most {longest}",
        fix=f"call it {better[:longest].strip('-') or 'model'!r}",
    )


def _refused(name: str, value: object, expected: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"InferenceService: {name}={value!r}", expected=expected, fix=f"correct {name}"
    )
