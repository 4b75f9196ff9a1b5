"""The resources of one step."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from tfx_estimators.components.resources.accelerators import Accelerator
from tfx_estimators.components.resources.checks import check_label, refused
from tfx_estimators.components.resources.placement import NodeAffinity, Toleration
from tfx_estimators.components.resources.quantities import quantity
from tfx_estimators.components.resources.retries import Retries
from tfx_estimators.components.resources.volumes import Volume, check_name

__all__ = ["Resources", "combined", "resources_of", "with_resources"]

Component = TypeVar("Component")

_ATTRIBUTE = "_tfx_estimators_resources"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
# Kubeflow Pipelines writes gigabytes, and what is smaller with an exponent, which
# Kubernetes does not take before a unit. No container starts with so little.
_LEAST_MEMORY = 2.0**20


@dataclasses.dataclass(frozen=True)
class Resources:
    """What a step needs; whatever is left out is up to the cluster.

    Attributes:
        cpu: a Kubernetes quantity, e.g. "4" or "500m".
        memory: e.g. "16Gi"; at least "1Mi".
        accelerator: devices.
        node_selector: labels that the machine must have.
        tolerations: taints that it may have.
        affinity: machines that are wanted or preferred.
        shared_memory: size of /dev/shm, e.g. "2Gi".
        volumes: claims, secrets and config maps.
        environment: variables.
        image: of this step's container.
        image_pull_policy: "Always", "IfNotPresent" or "Never"; None for what Kubernetes
            does with such a tag.
        image_pull_secrets: names of secrets with passwords of the image's registry.
        retries: what happens after a failure.
        seconds: after which the step is ended.
        cache: whether what the step made before may be used again; None for what the
            pipeline says.

    Raises:
        UnsupportedOptionError: if a value cannot be used.
    """

    cpu: str | None = None
    memory: str | None = None
    accelerator: Accelerator | None = None
    node_selector: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tolerations: Sequence[Toleration] = ()
    affinity: Sequence[NodeAffinity] = ()
    shared_memory: str | None = None
    volumes: Sequence[Volume] = ()
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    image: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: Sequence[str] = ()
    retries: Retries | None = None
    seconds: int | None = None
    cache: bool | None = None

    def __post_init__(self) -> None:
        for name in ("cpu", "memory", "shared_memory"):
            if getattr(self, name) is not None:
                quantity(getattr(self, name), name)
        if self.memory is not None and quantity(self.memory) < _LEAST_MEMORY:
            raise refused(self, "memory", self.memory, "1Mi or more")
        if self.image_pull_policy not in (None, *_PULL_POLICIES):
            expected = f"{', '.join(_PULL_POLICIES)} or None"
            raise refused(self, "image_pull_policy", self.image_pull_policy, expected)
        if isinstance(self.image_pull_secrets, str):
            raise refused(self, "image_pull_secrets", self.image_pull_secrets, "a list of names")
        for secret in self.image_pull_secrets:
            check_name(self, "image_pull_secrets", secret)
        for name, value in self.environment.items():
            if not _VARIABLE.fullmatch(name) or not isinstance(value, str):
                raise refused(self, f"environment[{name!r}]", value, "text, under a usual name")
        for label, value in self.node_selector.items():
            check_label(self, "node_selector", label, value)
        if self.seconds is not None and self.seconds < 1:
            raise refused(self, "seconds", self.seconds, "a number of at least 1")


def with_resources(component: Component, resources: Resources) -> Component:
    """Says what a component needs.

    Args:
        component: a TFX component.
        resources: replaces what was said before.

    Returns:
        the component.
    """
    setattr(component, _ATTRIBUTE, resources)
    return component


def resources_of(component: Any) -> Resources | None:
    """What was said of a component; None if nothing was."""
    found: Resources | None = getattr(component, _ATTRIBUTE, None)
    return found


def combined(general: Resources, own: Resources | None) -> Resources:
    """What a step needs where something is said of all steps.

    Args:
        general: of all steps.
        own: of the step; wins, field by field, except that it adds its variables and
            volumes to the general ones.
    """
    if own is None:
        return general
    said = {
        field.name: value
        for field in dataclasses.fields(own)
        if (value := getattr(own, field.name)) is not None and value not in ({}, (), [])
    }
    paths = {volume.path for volume in own.volumes if volume.path is not None}
    said["volumes"] = (*(v for v in general.volumes if v.path not in paths), *own.volumes)
    said["environment"] = {**general.environment, **own.environment}
    return dataclasses.replace(general, **said)
