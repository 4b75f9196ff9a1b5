"""The environment variables that this package reads, each named once."""

from __future__ import annotations

__all__ = [
    "CHECKPOINTS",
    "LAUNCHER_COPIES",
    "METADATA",
    "PARENT",
    "POD_SETTINGS",
    "PROGRESS",
    "RECORDS",
    "STARTER",
]

CHECKPOINTS = "TFX_ESTIMATORS_CHECKPOINTS"
"""Where trainers keep their checkpoints; wins over their `checkpoint_store`."""

LAUNCHER_COPIES = "TFX_ESTIMATORS_LAUNCHER_COPIES"
"""The folder that stands for "/" where the backend's launcher is imitated on this machine."""

METADATA = "TFX_ESTIMATORS_METADATA"
"""The store of ML Metadata that commands ask where `--metadata` is not given."""

RECORDS = "TFX_ESTIMATORS_RECORDS"
"""Where steps on Kubeflow Pipelines write their records."""

STARTER = "TFX_ESTIMATORS_STARTER"
"""A `Starter` of training processes as "module:attribute"; set when a package is compiled."""

POD_SETTINGS = "TFX_ESTIMATORS_POD"
"""`pod_settings` of a training step as JSON; set when a package is compiled."""

PARENT = "TFX_ESTIMATORS_PARENT"
"""Number of the process that started this one, and with which this one ends."""

PROGRESS = "TFX_ESTIMATORS_PROGRESS"
"""The file in which a step of a package keeps how far it is, where another process shows it."""
