"""What a step needs of the machine it runs on, said once for every runner.

    with_resources(trainer, Resources(
        cpu="4", memory="16Gi",
        accelerator=Accelerator("nvidia.com/gpu", 1),
        volumes=[Claim("checkpoints", "/checkpoints")],
        retries=Retries(3),
    ))

The step stays what it is: the pipeline still runs on the local runner.

* `accelerators`: devices that a step computes on.
* `checks`: checks of the policy's values, and their error messages.
* `placement`: which machines a step may run on.
* `policy`: the resources of one step.
* `quantities`: amounts as Kubernetes writes them.
* `retries`: trying a step again.
* `volumes`: what is mounted into a step, or becomes its variables.
"""

from __future__ import annotations

from tfx_estimators.components.resources.accelerators import Accelerator
from tfx_estimators.components.resources.placement import NodeAffinity, Toleration
from tfx_estimators.components.resources.policy import (
    Resources,
    combined,
    resources_of,
    with_resources,
)
from tfx_estimators.components.resources.quantities import quantity
from tfx_estimators.components.resources.retries import Retries
from tfx_estimators.components.resources.volumes import Claim, ConfigMap, Secret, Volume

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
