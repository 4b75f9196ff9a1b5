"""Where the lineage records of steps go."""

from __future__ import annotations

import os
from collections.abc import Iterable

from tfx_estimators.environment_variables import CHECKPOINTS, RECORDS
from tfx_estimators.kubeflow.entrypoint.uris import is_copied, task_place

__all__ = ["folder_of_records"]


def folder_of_records(uris: Iterable[str]) -> str | None:
    """Where records go: a volume that the environment names, or below the pipeline root.

    None where a step sees neither: a copy of the pipeline root goes with its pod.

    Args:
        uris: of the step's outputs, see `task_place`.
    """
    if said := os.environ.get(RECORDS):
        return said.rstrip("/")
    if said := os.environ.get(CHECKPOINTS):
        return f"{said.rstrip('/')}/records"
    for uri in uris:
        place = task_place(uri)
        if place is not None and uri.startswith("/") and not is_copied(uri):
            return f"{place.root}/records"
    return None
