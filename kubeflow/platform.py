"""`Resources` in a package: some in the PipelineSpec, the rest for Kubernetes alone.

What only Kubernetes knows is written by kfp-kubernetes. Its functions change nothing but
`platform_config` of a kfp task, so that they work on a stand-in for one. Release 1.0,
which goes with TFX up to 1.16, has fewer of them than 2.16.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tfx_estimators.components.resources import (
    Claim,
    ConfigMap,
    NodeAffinity,
    Resources,
    Retries,
    Secret,
    quantity,
)
from tfx_estimators.errors import MissingDependencyError
from tfx_estimators.kubeflow.extra import from_extra
from tfx_estimators.kubeflow.kubernetes_names import executor_label

__all__ = ["apply_resources", "platform_document"]

# The backend has Argo end all retrying after this long, however long one attempt takes,
# and at once if it is not said. Argo makes it the deadline of a pod, which is 31 bits long.
_YEARS = f"{10 * 365 * 24 * 3600}s"


def apply_resources(spec: dict[str, Any], resources: Mapping[str, Resources]) -> None:
    """Writes into a PipelineSpec what it has a place for.

    Args:
        spec: the PipelineSpec as JSON, changed in place.
        resources: by task.
    """
    tasks, executors = spec["root"]["dag"]["tasks"], spec["deploymentSpec"]["executors"]
    for name, wanted in resources.items():
        task = tasks[name]
        label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
        if wanted.cache is not None:
            task["cachingOptions"] = {"enableCache": True} if wanted.cache else {}
        if wanted.retries is not None:
            task["retryPolicy"] = _retry_policy(wanted.retries)
        container = executors[label].get("container")
        if container is None:
            continue  # An importer.
        if wanted.environment:
            container["env"] = [{"name": k, "value": v} for k, v in wanted.environment.items()]
        limits = _limits(wanted)
        if limits:
            container["resources"] = limits


def platform_document(resources: Mapping[str, Resources]) -> dict[str, Any]:
    """The package's second document.

    Args:
        resources: by task.

    Returns:
        a PlatformSpec as JSON; empty if there is nothing for it.

    Raises:
        MissingDependencyError: if the installed kfp-kubernetes cannot express it.
    """
    executors = {}
    for name, wanted in resources.items():
        task = _Task()
        _configure(task, wanted)
        if task.platform_config:
            executors[executor_label(name)] = task.platform_config["kubernetes"]
    if not executors:
        return {}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


class _Task:
    """What kfp-kubernetes sees of a kfp task."""

    def __init__(self) -> None:
        self.platform_config: dict[str, Any] = {}


def _retry_policy(retries: Retries) -> dict[str, Any]:
    return {
        "maxRetryCount": retries.count,
        "backoffDuration": f"{math.ceil(retries.seconds)}s",
        "backoffFactor": int(retries.factor),
        "backoffMaxDuration": _YEARS,
    }


def _limits(wanted: Resources) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if wanted.cpu is not None:
        limits["cpuLimit"] = quantity(wanted.cpu)
    if wanted.memory is not None:
        limits["memoryLimit"] = quantity(wanted.memory) / 1e9
    if wanted.accelerator is not None:
        limits["accelerator"] = {
            "type": wanted.accelerator.resource,
            "count": str(wanted.accelerator.count),
        }
    return limits


def _configure(task: _Task, wanted: Resources) -> None:
    for label, value in wanted.node_selector.items():
        _call("add_node_selector", task, label_key=label, label_value=value)
    for toleration in wanted.tolerations:
        _call(
            "add_toleration",
            task,
            key=toleration.key,
            operator="Equal" if toleration.value is not None else "Exists",
            value=toleration.value,
            effect=toleration.effect,
            toleration_seconds=toleration.seconds,
        )
    # Required terms are alternatives to one another: all that is required makes one term.
    required = [_expression(one) for one in wanted.affinity if one.weight is None]
    if required:
        _call("add_node_affinity", task, match_expressions=required)
    for one in wanted.affinity:
        if one.weight is not None:
            _call("add_node_affinity", task, match_expressions=[_expression(one)],
                  weight=one.weight)  # fmt: skip
    if wanted.image_pull_policy is not None:
        _call("set_image_pull_policy", task, policy=wanted.image_pull_policy)
    if wanted.image_pull_secrets:
        _call("set_image_pull_secrets", task, secret_names=list(wanted.image_pull_secrets))
    for volume in wanted.volumes:
        if isinstance(volume, Claim):
            _call("mount_pvc", task, pvc_name=volume.name, mount_path=volume.path)
        else:
            _mount(task, volume)
    if wanted.shared_memory is not None:
        _call(
            "empty_dir_mount",
            task,
            volume_name="shared-memory",
            mount_path="/dev/shm",
            medium="Memory",
            size_limit=wanted.shared_memory,
        )
    if wanted.seconds is not None:
        _call("set_timeout", task, seconds=wanted.seconds)


def _expression(affinity: NodeAffinity) -> dict[str, Any]:
    return {
        "key": affinity.label,
        "operator": "In" if affinity.values else "Exists",
        "values": list(affinity.values),
    }


def _mount(task: _Task, volume: Secret | ConfigMap) -> None:
    kind = "secret" if isinstance(volume, Secret) else "config_map"
    named = {f"{kind}_name": volume.name}
    if volume.path is not None:
        _call(f"use_{kind}_as_volume", task, **named, mount_path=volume.path)
    if volume.variables:
        keys = {f"{kind}_key_to_env": dict(volume.variables)}
        _call(f"use_{kind}_as_env", task, **named, **keys)


def _call(function: str, task: _Task, **arguments: Any) -> None:
    found = getattr(from_extra("kfp.kubernetes"), function, None)
    if found is None:
        import importlib.metadata

        raise MissingDependencyError(
            f"kfp-kubernetes {importlib.metadata.version('kfp-kubernetes')} has no {function}, "
            "which these Resources need",
            expected="kfp-kubernetes 1.4 or newer",
            fix="compile with TFX 1.17 or newer, which goes with it",
        )
    found(task, **arguments)
