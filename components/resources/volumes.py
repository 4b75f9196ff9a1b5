"""What is mounted into a step, or becomes its variables."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from tfx_estimators.components.resources.checks import refused

__all__ = ["Claim", "ConfigMap", "Secret", "Volume"]

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


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


def _check_mount(volume: Any) -> None:
    if not _NAME.fullmatch(volume.name):
        raise refused(volume, "name", volume.name, "small letters, digits and dashes")
    if volume.path is not None and not volume.path.startswith("/"):
        raise refused(volume, "path", volume.path, "a path that begins with /")
