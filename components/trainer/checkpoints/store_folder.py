"""Where the trainings' folders lie."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tfx_estimators.environment_variables import CHECKPOINTS

__all__ = ["store_folder"]


def store_folder(properties: Mapping[str, Any], pipeline_root: str) -> str:
    """The folder of all trainings' folders.

    The environment comes first: where a cluster keeps a volume for checkpoints is for it
    to say.

    Args:
        properties: the step's execution properties.
        pipeline_root: what it lies below unless anything is said.
    """
    said = os.environ.get(CHECKPOINTS) or properties.get("checkpoint_store")
    return str(said).rstrip("/") if said else f"{pipeline_root.rstrip('/')}/checkpoints"
