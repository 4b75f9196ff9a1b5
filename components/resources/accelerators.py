"""Devices that a step computes on."""

from __future__ import annotations

import dataclasses
import difflib

from tfx_estimators.components.resources.checks import refused
from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["Accelerator"]

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
            raise refused(self, "count", self.count, "an integer of at least 1")
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
