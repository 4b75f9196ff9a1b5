"""What this machine can do about a step's `Resources`: variables, devices, processors.

The rest is a cluster's business: see `tfx-estimators docs kubeflow`.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

from tfx_estimators.components.resources import Resources, quantity, resources_of

__all__ = ["environment_of", "resources_by_step", "step_environment"]

_DEVICES = {
    "nvidia.com/gpu": "CUDA_VISIBLE_DEVICES",
    "amd.com/gpu": "HIP_VISIBLE_DEVICES",
    "google.com/tpu": "TPU_VISIBLE_CHIPS",
    "habana.ai/gaudi": "HABANA_VISIBLE_DEVICES",
}


def resources_by_step(pipeline: Any) -> dict[str, Resources]:
    """What was said of a pipeline's nodes, by their ids."""
    found = {node.id: resources_of(node) for node in pipeline.components}
    return {id_: resources for id_, resources in found.items() if resources is not None}


def environment_of(resources: Resources, outside: Mapping[str, str]) -> dict[str, str]:
    """The variables that a step gets.

    Args:
        resources: of the step. Its own variables win over what follows from its
            accelerator.
        outside: the variables of this process. Where they name the devices that may be
            used, a step gets the first of those.

    Returns:
        the step's own variables, and which devices it may use. A step that asks for no
        accelerator is not kept from any: TensorFlow looks once a process, so that the
        steps after it would be, too.
    """
    devices = {}
    wanted = resources.accelerator
    if wanted is not None and wanted.resource in _DEVICES:
        name = _DEVICES[wanted.resource]
        there = outside[name].split(",") if name in outside else map(str, range(wanted.count))
        devices[name] = ",".join(list(there)[: wanted.count])
    return {**devices, **resources.environment}


@contextlib.contextmanager
def step_environment(resources: Resources) -> Iterator[None]:
    """Has this process, and those it starts, see a step's variables inside the block."""
    changed = environment_of(resources, os.environ)
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    processors = os.sched_getaffinity(0)
    if resources.cpu is not None:
        # Threads and processes that the step starts inherit it.
        wanted = max(1, math.ceil(quantity(resources.cpu, "cpu")))
        os.sched_setaffinity(0, sorted(processors)[:wanted])
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
