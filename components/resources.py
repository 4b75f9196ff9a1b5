"""What a step needs of the machine it runs on, said once for every runner.

    with_resources(trainer, Resources(
        cpu="4", memory="16Gi",
        accelerator=Accelerator("nvidia.com/gpu", 1),
        volumes=[Claim("checkpoints", "/checkpoints")],
        retries=Retries(3),
    ))

The step stays what it is: the pipeline still runs on the local runner.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from tfx_estimators.errors import UnsupportedOptionError

__all__ = [
    "Accelerator",
    "Claim",
    "ConfigMap",
    "NodeAffinity",
    "Resources",
    "Retries",
    "Secret",
    "Toleration",
    "Volume",
    "combined",
    "quantity",
    "resources_of",
    "with_resources",
]

Component = TypeVar("Component")

ACCELERATORS = (
    "nvidia.com/gpu",
    "amd.com/gpu",
    "gpu.intel.com/i915",
    "gpu.intel.com/xe",
    "habana.ai/gaudi",
    "google.com/tpu",
    "cloud-tpus.google.com/v2",
    "cloud-tpus.google.com/v3",
    "aws.amazon.com/neuron",
    "aws.amazon.com/neuroncore",
    "huawei.com/Ascend910",
)
"""Extended resources by the names of their device plugins."""

_ATTRIBUTE = "_tfx_estimators_resources"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LABEL = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([\w.-]*[A-Za-z0-9])?)?", re.ASCII)
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUANTITY = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_UNITS = {"": 1.0, "m": 1e-3} | {
    unit: base**power
    for base, units in ((1000.0, "kMGTP"), (1024.0, ("Ki", "Mi", "Gi", "Ti", "Pi")))
    for power, unit in enumerate(units, start=1)
}


@dataclasses.dataclass(frozen=True)
class Accelerator:
    """Devices of one kind.

    Attributes:
        resource: the extended resource's name, e.g. "nvidia.com/gpu".
        count: how many.
        spelt_out: take a name that is not known here, as long as it has a "/" in it.
    """

    resource: str
    count: int = 1
    spelt_out: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.count, int) or self.count < 1:
            raise _refused(self, "count", self.count, "a number from 1 on")
        if self.resource in ACCELERATORS or (self.spelt_out and "/" in self.resource):
            return
        near = difflib.get_close_matches(self.resource, ACCELERATORS, n=1, cutoff=0.3)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UnsupportedOptionError(
            f"Accelerator: the resource {self.resource!r} is not known",
            expected=f"one of {', '.join(ACCELERATORS)}",
            fix=f"{hint}For another device plugin: "
            "Accelerator('vendor.com/device', spelt_out=True)",
        )


@dataclasses.dataclass(frozen=True)
class Claim:
    """A persistent volume claim, mounted at a path."""

    name: str
    path: str

    def __post_init__(self) -> None:
        _check_mount(self)


@dataclasses.dataclass(frozen=True)
class Secret:
    """A secret: mounted at a path, or its keys as environment variables.

    Attributes:
        name: of the secret.
        path: where to mount it; None not to.
        variables: names of environment variables by key.
    """

    name: str
    path: str | None = None
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_mount(self)


@dataclasses.dataclass(frozen=True)
class ConfigMap:
    """A config map: as `Secret`."""

    name: str
    path: str | None = None
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_mount(self)


Volume = Claim | Secret | ConfigMap


@dataclasses.dataclass(frozen=True)
class Toleration:
    """A taint that the step's machine may have.

    Attributes:
        key: of the taint; None for any.
        value: of the taint; None for any.
        effect: "NoSchedule", "PreferNoSchedule", "NoExecute", or None for any.
        seconds: for how long a "NoExecute" is tolerated; None for ever.
    """

    key: str | None = None
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    seconds: int | None = None

    def __post_init__(self) -> None:
        if self.effect is not None and self.effect not in _EFFECTS:
            raise _refused(self, "effect", self.effect, f"{', '.join(_EFFECTS)} or None")
        if self.key is not None:
            _check_label(self, "key", self.key)


@dataclasses.dataclass(frozen=True)
class NodeAffinity:
    """Machines by a label.

    Attributes:
        label: the label's key.
        values: any of them; none for machines that merely have the label.
        weight: 1 to 100 to prefer them; None to insist on them.
    """

    label: str
    values: Sequence[str] = ()
    weight: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.values, str):
            raise _refused(self, "values", self.values, "a list of values")
        for value in ("", *self.values):
            _check_label(self, "label", self.label, value)
        if self.weight is not None and not 1 <= self.weight <= 100:
            raise _refused(self, "weight", self.weight, "a number from 1 to 100, or None")


@dataclasses.dataclass(frozen=True)
class Retries:
    """Runs a step again that has failed. A training goes on from its last checkpoint.

    Attributes:
        count: how often.
        seconds: to wait before the first time.
        factor: by which each wait is longer than the one before.
        most_seconds: to wait at the most.
    """

    count: int
    seconds: float = 10.0
    factor: float = 2.0
    most_seconds: float = 300.0

    def __post_init__(self) -> None:
        if not isinstance(self.count, int) or self.count < 1:
            raise _refused(self, "count", self.count, "a number from 1 on")
        for name in ("seconds", "factor", "most_seconds"):
            if getattr(self, name) <= 0:
                raise _refused(self, name, getattr(self, name), "a number over 0")

    def wait(self, attempt: int) -> float:
        """Seconds before an attempt; the first retry is attempt 1."""
        return min(self.most_seconds, self.seconds * self.factor ** (attempt - 1))


@dataclasses.dataclass(frozen=True)
class Resources:
    """What a step needs; whatever is left out is up to the cluster.

    Attributes:
        cpu: a Kubernetes quantity, e.g. "4" or "500m".
        memory: e.g. "16Gi".
        accelerator: devices.
        node_selector: labels that the machine must have.
        tolerations: taints that it may have.
        affinity: machines that are wanted or preferred.
        shared_memory: size of /dev/shm, e.g. "2Gi".
        volumes: claims, secrets and config maps.
        environment: variables.
        image: of this step's container.
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
    retries: Retries | None = None
    seconds: int | None = None
    cache: bool | None = None

    def __post_init__(self) -> None:
        for name in ("cpu", "memory", "shared_memory"):
            if getattr(self, name) is not None:
                quantity(getattr(self, name), name)
        for name, value in self.environment.items():
            if not _VARIABLE.fullmatch(name) or not isinstance(value, str):
                raise _refused(self, f"environment[{name!r}]", value, "text, under a usual name")
        for label, value in self.node_selector.items():
            _check_label(self, "node_selector", label, value)
        if self.seconds is not None and self.seconds < 1:
            raise _refused(self, "seconds", self.seconds, "a number from 1 on")


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


def quantity(text: str, name: str = "quantity") -> float:
    """A Kubernetes quantity as a number, e.g. "500m" as 0.5 and "1Ki" as 1024.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

    Raises:
        UnsupportedOptionError: if it is none, or 0.
    """
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    number = float(match["number"]) * _UNITS[match["unit"] or ""] if match else 0.0
    if not number:
        raise UnsupportedOptionError(
            f"{name}={text!r} is no quantity",
            expected='text such as "2", "500m", "16Gi" or "512Mi"',
            fix=f"correct {name}",
        )
    return number


def _check_mount(volume: Any) -> None:
    if not _NAME.fullmatch(volume.name):
        raise _refused(volume, "name", volume.name, "small letters, digits and dashes")
    if volume.path is not None and not volume.path.startswith("/"):
        raise _refused(volume, "path", volume.path, "a path that begins with /")


def _check_label(thing: Any, name: str, label: object, value: object = "") -> None:
    """By https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/."""
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise _refused(thing, name, label, "a label such as 'pool' or 'example.com/pool'")
    if not isinstance(value, str) or len(value) > 63 or not _LABEL_VALUE.fullmatch(value):
        expected = f"text as the value of {label}: letters, digits, -, _ and ., at most 63"
        raise _refused(thing, name, value, expected)


def _refused(thing: Any, name: str, value: object, expected: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"{type(thing).__name__}: {name}={value!r}", expected=expected, fix=f"correct {name}"
    )
