"""The last step of a run: it records which steps were answered from the backend's cache.

See `kubeflow.entrypoint.run_record`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from tfx_estimators.components.resources import Resources
from tfx_estimators.environment_variables import CHECKPOINTS, RECORDS
from tfx_estimators.kubeflow.added_steps import add_step, free_id
from tfx_estimators.kubeflow.conditions import conditional_tasks
from tfx_estimators.kubeflow.kubernetes_names import EXECUTION

__all__ = ["record_cached_steps"]

_FUNCTION = "run_record.record_cached_steps"
_WANTED = "run-record"


def record_cached_steps(
    spec: dict[str, Any], nodes: Iterable[str], resources: Mapping[str, Resources]
) -> dict[str, Resources]:
    """Has every step say which execution made its outputs, and a last step write it down.

    Steps under a condition, and those below them, are left out: where they do not run, the
    last step would not either.

    Args:
        spec: a PipelineSpec by node ids, changed in place.
        nodes: ids of the steps that run our entrypoint.
        resources: by step.

    Returns:
        what the last step needs, by its id; nothing if no step may be cached.
    """
    tasks = spec["root"]["dag"]["tasks"]
    conditional = conditional_tasks(tasks)
    certain = [node for node in nodes if node not in conditional]
    cached = any(_may_be_cached(tasks[node], resources.get(node)) for node in certain)
    if not cached:
        return {}
    parameters = {}
    for number, node in enumerate(certain):
        outputs = spec["components"][node].setdefault("outputDefinitions", {})
        outputs.setdefault("parameters", {})[EXECUTION] = {"parameterType": "STRING"}
        source = {"producerTask": node, "outputParameterKey": EXECUTION}
        parameters[f"execution_{number}"] = (
            {"parameterType": "STRING"}, {"taskOutputParameter": source}
        )  # fmt: skip
    like = next((node for node in certain if _has_folder(resources.get(node))), certain[0])
    id_ = free_id(spec, _WANTED)
    add_step(spec, id_, _FUNCTION, like=like, parameters=parameters, after=certain)
    own = resources.get(like) or Resources()
    return {id_: dataclasses.replace(own, accelerator=None, cache=None)}


def _may_be_cached(task: Mapping[str, Any], resources: Resources | None) -> bool:
    if resources is not None and resources.cache is not None:
        return resources.cache
    return bool(task.get("cachingOptions", {}).get("enableCache"))


def _has_folder(resources: Resources | None) -> bool:
    return resources is not None and any(
        name in resources.environment for name in (RECORDS, CHECKPOINTS)
    )
