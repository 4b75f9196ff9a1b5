"""Which machines a step may run on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from tfx_estimators.components.resources.checks import check_label, refused

__all__ = ["NodeAffinity", "Toleration"]

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


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
            raise refused(self, "effect", self.effect, f"{', '.join(_EFFECTS)} or None")
        if self.key is not None:
            check_label(self, "key", self.key)


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
            raise refused(self, "values", self.values, "a list of values")
        for value in ("", *self.values):
            check_label(self, "label", self.label, value)
        if self.weight is not None and not 1 <= self.weight <= 100:
            raise refused(self, "weight", self.weight, "an integer from 1 to 100, or None")
