"""What is mounted into a step, or becomes its variables."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from tfx_estimators.components.resources.checks import refused

__all__ = ["Claim", "ConfigMap", "Secret", "Volume", "check_name"]

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LONGEST_NAME = 253
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


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


def check_name(thing: Any, field: str, name: str) -> None:
    """Raises if Kubernetes takes no object of that name."""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise refused(thing, field, name, "small letters, digits, dashes and dots")


def _check_mount(volume: Any) -> None:
    check_name(volume, "name", volume.name)
    if volume.path is None:
        return
    if not volume.path.startswith("/"):
        raise refused(volume, "path", volume.path, "a path that begins with /")
    # Kubeflow Pipelines gives the volume the name of what is mounted.
    if not _LABEL.fullmatch(volume.name):
        expected = "small letters, digits and dashes, at most 63, of what is mounted"
        raise refused(volume, "name", volume.name, expected)
