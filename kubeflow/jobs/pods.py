"""`Resources` as what a pod of a training job needs, in Kubernetes' own words.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

from typing import Any

from tfx_estimators.components.resources import Claim, Resources, Secret

__all__ = ["pod_settings", "pod_template"]

_KINDS = {"Secret": ("secret", "secretName"), "ConfigMap": ("configMap", "name")}
_SECONDS_TO_SAVE = 60

# Processes of a training talk to each other, not to Kubernetes, and need no rights.
_POD = {
    "automountServiceAccountToken": False,
    # Who it is instead is up to the image: files on the claim are those of the step's user.
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
}
_CONTAINER = {
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
}
_SCRATCH = "/tmp"  # What can be written beside the claims.


def pod_settings(resources: Resources, image: str | None) -> dict[str, Any]:
    """What all pods of a job have in common, as JSON.

    Args:
        resources: of the step; its image wins over the other.
        image: of steps that name none.

    Returns:
        {"pod": fields of a PodSpec, "container": fields of a Container}.
    """
    mounts, volumes = _volumes(resources)
    container: dict[str, Any] = {"image": resources.image or image or "", **_CONTAINER}
    if resources.image_pull_policy is not None:
        container["imagePullPolicy"] = resources.image_pull_policy
    limits = _limits(resources)
    if limits:
        container["resources"] = {"limits": limits, "requests": limits}
    # Libraries keep their caches at home.
    environment = {"HOME": _SCRATCH, **resources.environment}
    variables = [{"name": n, "value": v} for n, v in sorted(environment.items())]
    variables += _variables_of_volumes(resources)
    container["env"] = variables
    container["volumeMounts"] = mounts
    pod: dict[str, Any] = {**_POD, "volumes": volumes}
    if resources.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in resources.image_pull_secrets]
    if resources.node_selector:
        pod["nodeSelector"] = dict(resources.node_selector)
    if resources.tolerations:
        pod["tolerations"] = [_toleration(one) for one in resources.tolerations]
    if resources.affinity:
        pod["affinity"] = {"nodeAffinity": _affinity(resources)}
    return {"pod": pod, "container": container}


def pod_template(settings: Any, command: Any, labels: Any, *, accelerated: bool) -> dict[str, Any]:
    """A PodTemplateSpec.

    Args:
        settings: from `pod_settings`.
        command: of the container.
        labels: of the pod.
        accelerated: whether it gets the devices; what holds variables needs none.
    """
    # The training operator writes TF_CONFIG into the container of this name only.
    container = {"name": "tensorflow", "command": list(command), **settings["container"]}
    limits = container.get("resources", {}).get("limits", {})
    if not accelerated and any("/" in name for name in limits):
        kept = {name: value for name, value in limits.items() if "/" not in name}
        container["resources"] = {"limits": kept, "requests": kept}
    return {
        "metadata": {"labels": dict(labels)},
        "spec": {
            **settings["pod"],
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": _SECONDS_TO_SAVE,
            "containers": [container],
        },
    }


def _limits(resources: Resources) -> dict[str, str]:
    limits = {}
    if resources.cpu is not None:
        limits["cpu"] = resources.cpu
    if resources.memory is not None:
        limits["memory"] = resources.memory
    if resources.accelerator is not None:
        limits[resources.accelerator.resource] = str(resources.accelerator.count)
    return limits


def _volumes(resources: Resources) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    mounts, volumes = [], []
    for number, volume in enumerate(resources.volumes):
        if volume.path is None:
            continue
        name = f"volume-{number}"
        mounts.append({"name": name, "mountPath": volume.path})
        if isinstance(volume, Claim):
            source: dict[str, Any] = {"persistentVolumeClaim": {"claimName": volume.name}}
        else:
            kind, field = _KINDS[type(volume).__name__]
            source = {kind: {field: volume.name}}
        volumes.append({"name": name, **source})
    if not any(mount["mountPath"].rstrip("/") == _SCRATCH for mount in mounts):
        mounts.append({"name": "scratch", "mountPath": _SCRATCH})
        volumes.append({"name": "scratch", "emptyDir": {}})
    if resources.shared_memory is not None:
        memory = {"medium": "Memory", "sizeLimit": resources.shared_memory}
        mounts.append({"name": "shared-memory", "mountPath": "/dev/shm"})
        volumes.append({"name": "shared-memory", "emptyDir": memory})
    return mounts, volumes


def _variables_of_volumes(resources: Resources) -> list[dict[str, Any]]:
    variables = []
    for volume in resources.volumes:
        if isinstance(volume, Claim):
            continue
        source = "secretKeyRef" if isinstance(volume, Secret) else "configMapKeyRef"
        variables += [
            {"name": name, "valueFrom": {source: {"name": volume.name, "key": key}}}
            for key, name in sorted(volume.variables.items())
        ]
    return variables


def _toleration(toleration: Any) -> dict[str, Any]:
    fields = {
        "key": toleration.key,
        "operator": "Exists" if toleration.value is None else "Equal",
        "value": toleration.value,
        "effect": toleration.effect,
        "tolerationSeconds": toleration.seconds,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _affinity(resources: Resources) -> dict[str, Any]:
    required, preferred = [], []
    for affinity in resources.affinity:
        expression: dict[str, Any] = {
            "key": affinity.label,
            "operator": "In" if affinity.values else "Exists",
        }
        if affinity.values:
            expression["values"] = list(affinity.values)
        if affinity.weight is None:
            required.append(expression)
        else:
            term = {"matchExpressions": [expression]}
            preferred.append({"weight": affinity.weight, "preference": term})
    wanted: dict[str, Any] = {}
    if required:
        terms = {"nodeSelectorTerms": [{"matchExpressions": required}]}
        wanted["requiredDuringSchedulingIgnoredDuringExecution"] = terms
    if preferred:
        wanted["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
    return wanted
