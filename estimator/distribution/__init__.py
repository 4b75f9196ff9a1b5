"""Training on more than one device or process.

* `policies`: what is wanted; `Mirrored`, `CentralStorage`, `MultiWorker`, `ParameterServer`.
* `coordinator`: what TensorFlow removed of its distribute coordinator's glue.
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
]
