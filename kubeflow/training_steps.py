"""Trainers that take several processes: on a cluster their step starts a job instead."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_estimators.components.resources import Claim, Resources
from tfx_estimators.environment_variables import CHECKPOINTS, POD_SETTINGS, STARTER
from tfx_estimators.errors import PackageError
from tfx_estimators.estimator.distribution import Policy, from_json
from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.jobs.pods import pod_settings

__all__ = ["job_policy", "with_jobs"]

_STARTER = "tfx_estimators.kubeflow.jobs.starter:STARTER"


def job_policy(node: Any) -> Policy | None:
    """The distribution policy of a node that takes several processes; None for others."""
    said = node.exec_properties.get("distribution")
    if not isinstance(said, str) or not said:
        return None
    policy = from_json(said)
    return policy if sum(policy.tasks().values()) > 1 else None


def with_jobs(
    pipeline: Any, resources: Mapping[str, Resources], image: str | None
) -> dict[str, Resources]:
    """What each step needs once its training is a job of its own.

    The job's pods get what was said of the step; the step itself, which starts the job and
    afterwards exports, gets no accelerator.

    Args:
        pipeline: a TFX pipeline.
        resources: by node.
        image: of steps that name none.

    Raises:
        PackageError: if the job's pods would not see the step's checkpoints.
    """
    changed = dict(resources)
    for node in pipeline.components:
        if job_policy(node) is None:
            continue
        own = resources.get(node.id) or Resources()
        _check_shared(node, own)
        settings = dumps(pod_settings(own, image), sort_keys=True)
        variables = {STARTER: _STARTER, POD_SETTINGS: settings}
        changed[node.id] = dataclasses.replace(
            own, accelerator=None, environment={**own.environment, **variables}
        )
    return changed


def _check_shared(node: Any, resources: Resources) -> None:
    """Everything the processes have in common lies beside the checkpoints."""
    store = resources.environment.get(CHECKPOINTS) or str(
        node.exec_properties.get("checkpoint_store") or ""
    )
    claims = [volume.path.rstrip("/") for volume in resources.volumes if isinstance(volume, Claim)]
    if not any(store.startswith(f"{path}/") for path in claims):
        raise PackageError(
            f"{node.id} trains in several pods, and its checkpoints are in "
            f"{store or 'its pipeline root'}, which they do not share",
            expected=f"a folder on a claim of the step: {', '.join(claims) or 'it has none'}",
            fix="--claim checkpoints:/volume and checkpoint_store='/volume/checkpoints'",
        )
