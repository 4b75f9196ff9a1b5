"""Steps that make a digest of the files which another step reads, for its cache key.

The backend never looks into a file. Without the digest, a step that reads files could not be
cached, and no step below it either: what it makes would be new to the backend every time.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_estimators.components.resources import Resources
from tfx_estimators.kubeflow.added_steps import add_step, free_id
from tfx_estimators.kubeflow.kubernetes_names import DATA_DIGEST
from tfx_estimators.kubeflow.outside_inputs import files_parameters, reads_outside

__all__ = ["cache_by_digests"]

_FUNCTION = "data_digest.tell_digest"


def cache_by_digests(
    spec: dict[str, Any], pipeline: Any, resources: Mapping[str, Resources]
) -> dict[str, Resources]:
    """Has steps that read files cached by these, and others that read outside not at all.

    Args:
        spec: a PipelineSpec by node ids, changed in place.
        pipeline: the pipeline, before lookups replace its Resolvers.
        resources: by node.

    Returns:
        what the steps need that were added, by their ids.
    """
    added = {}
    for node in pipeline.components:
        if not reads_outside(node):
            continue
        task = spec["root"]["dag"]["tasks"][node.id]
        own = resources.get(node.id) or Resources()
        wanted = bool(task.get("cachingOptions", {}).get("enableCache")) and own.cache is None
        task["cachingOptions"] = {}
        names = files_parameters(node) if wanted else ()
        if names and _can_be_read_first(task, names):
            id_ = _add_digest(spec, node.id, names)
            added[id_] = dataclasses.replace(own, accelerator=None)
            task["cachingOptions"] = {"enableCache": True}
    return added


def _can_be_read_first(task: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    """Not where the step runs under a condition, or learns from others what to read."""
    given = task["inputs"]["parameters"]
    return not task.get("triggerPolicy") and not any(
        "taskOutputParameter" in given[name] for name in names
    )


def _add_digest(spec: dict[str, Any], node: str, names: tuple[str, ...]) -> str:
    task, component = spec["root"]["dag"]["tasks"][node], spec["components"][node]
    id_ = free_id(spec, f"{node}.data")
    declared = component["inputDefinitions"]["parameters"]
    given = task["inputs"]["parameters"]
    add_step(
        spec,
        id_,
        _FUNCTION,
        like=node,
        parameters={name: (declared[name], copy.deepcopy(given[name])) for name in names},
        outputs=(DATA_DIGEST,),
        after=task.get("dependentTasks", ()),
        flags=True,
    )
    declared[DATA_DIGEST] = {"parameterType": "STRING"}
    given[DATA_DIGEST] = {
        "taskOutputParameter": {"producerTask": id_, "outputParameterKey": DATA_DIGEST}
    }
    task["dependentTasks"] = [*task.get("dependentTasks", ()), id_]
    return id_
