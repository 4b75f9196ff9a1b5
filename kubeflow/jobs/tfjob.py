"""A job as a TFJob, `kubeflow.org/v1`, of the training operator 1.9.

https://www.kubeflow.org/docs/components/trainer/legacy-v1/user-guides/tensorflow/. It is
the only API that writes TF_CONFIG for TensorFlow's own strategies. It writes it into the
container named `tensorflow`, not at all where there is a single replica, and with the
evaluator among the cluster's members, which `member` takes out again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_estimators.kubeflow.jobs.interface import Job, Phase, Replica
from tfx_estimators.kubeflow.jobs.pods import pod_template

__all__ = ["GROUP", "KIND", "PLURAL", "VERSION", "job_phase", "manifest", "pod_selector", "replica"]

GROUP, VERSION, PLURAL, KIND = "kubeflow.org", "v1", "tfjobs", "TFJob"

_TYPES = {"chief": "Chief", "worker": "Worker", "ps": "PS", "evaluator": "Evaluator"}
_JOB_LABEL = "training.kubeflow.org/job-name"
_TYPE_LABEL = "training.kubeflow.org/replica-type"
_INDEX_LABEL = "training.kubeflow.org/replica-index"
_TRAINS = ("chief", "worker")
# For a step that is tried again, and for who looks for the logs of one that is not.
_SECONDS_TO_KEEP = 24 * 3600
# As kubelet and the scheduler say it where a machine is taken away or given to others.
_PREEMPTED = ("Evicted", "Preempting", "Preempted", "NodeShutdown", "NodeLost", "Shutdown",
              "Terminated", "UnexpectedAdmissionError")  # fmt: skip
_PHASES = {
    "Pending": Phase.WAITING,
    "Running": Phase.RUNNING,
    "Succeeded": Phase.SUCCEEDED,
    "Failed": Phase.FAILED,
}


def manifest(job: Job, namespace: str) -> dict[str, Any]:
    """The TFJob as JSON."""
    replicas = {
        _TYPES[kind]: {
            "replicas": count,
            "restartPolicy": "Never",
            "template": pod_template(job.pod, job.command, job.labels, accelerated=kind in _TRAINS),
        }
        for kind, count in job.replicas.items()
    }
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": job.name, "namespace": namespace, "labels": dict(job.labels)},
        "spec": {
            # Pods stay for their logs; the evaluator goes on after the chief is done. With a
            # backoffLimit the operator would delete all pods when the first one fails.
            "runPolicy": {
                "cleanPodPolicy": "None",
                "ttlSecondsAfterFinished": _SECONDS_TO_KEEP,
            },
            "successPolicy": "AllWorkers",
            "tfReplicaSpecs": replicas,
        },
    }


def pod_selector(name: str) -> str:
    """The label selector of a job's pods."""
    return f"{_JOB_LABEL}={name}"


def job_phase(tfjob: Mapping[str, Any]) -> tuple[Phase, str]:
    """How a TFJob stands by its conditions, and why it failed."""
    conditions = (tfjob.get("status") or {}).get("conditions") or []
    true = {c["type"]: c for c in conditions if c.get("status") == "True"}
    if "Failed" in true:
        failed = true["Failed"]
        return Phase.FAILED, failed.get("message") or failed.get("reason") or ""
    if "Succeeded" in true:
        return Phase.SUCCEEDED, ""
    return (Phase.RUNNING if "Running" in true else Phase.WAITING), ""


def replica(pod: Any) -> Replica:
    """What a pod says of a process.

    Args:
        pod: a V1Pod of the Kubernetes client.
    """
    labels = pod.metadata.labels or {}
    status = pod.status
    phase = _PHASES.get(status.phase or "Pending", Phase.WAITING)
    reason, preempted = status.reason or "", False
    for container in status.container_statuses or ():
        state = container.state
        if state is not None and state.waiting is not None:
            reason = reason or _said(state.waiting.reason, state.waiting.message)
        if state is not None and state.terminated is not None:
            ended = state.terminated
            if ended.exit_code:
                reason = reason or _said(ended.reason, f"exit code {ended.exit_code}")
    for condition in status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            reason = reason or _said(condition.reason, condition.message)
        preempted |= condition.type == "DisruptionTarget" and condition.status == "True"
    preempted |= phase is Phase.FAILED and (status.reason or "") in _PREEMPTED
    name = f"{labels.get(_TYPE_LABEL, '').lower()}-{labels.get(_INDEX_LABEL, '0')}"
    return Replica(name, phase, reason, preempted)


def _said(reason: str | None, message: str | None) -> str:
    return ": ".join(part for part in (reason, message) if part)
