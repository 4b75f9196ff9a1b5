"""Training on more than one device or process.

* `policies`: what is wanted; `Mirrored`, `CentralStorage`, `MultiWorker`, `ParameterServer`.
* `strategies`: what TensorFlow makes of a policy in one process.
* `processes`: the processes of a policy on this machine.
* `ports`, `shares`: ports and GPUs of this machine, of which no two processes get the same.
* `coordinator`: what TensorFlow removed of its distribute coordinator's glue.
* `tpu`: why no Estimator trains on a TPU.
"""

from __future__ import annotations

from tfx_estimators.estimator.distribution.policies import (
    Accelerators,
    CentralStorage,
    Mirrored,
    MultiWorker,
    ParameterServer,
    Policy,
    from_json,
)

__all__ = [
    "Accelerators",
    "CentralStorage",
    "Mirrored",
    "MultiWorker",
    "ParameterServer",
    "Policy",
    "coordinator",
    "from_json",
    "policies",
    "ports",
    "shares",
    "strategies",
    "tpu",
]
