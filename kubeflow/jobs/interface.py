"""What a training step asks of whatever runs its processes on a cluster.

Kubeflow's Trainer v2 deprecates distributed TensorFlow (kubeflow/trainer#2699), so only
`tfjob` knows what a TFJob is.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["Job", "JobState", "Jobs", "Phase", "Replica"]


@dataclasses.dataclass(frozen=True)
class Job:
    """Processes that train together.

    Attributes:
        name: the same for the same training: whoever tries again finds the job.
        replicas: how many processes there are of each type of TF_CONFIG: "chief",
            "worker", "ps", "evaluator".
        command: of every process. TF_CONFIG tells each which one it is.
        pod: what its pod needs besides, see `pods.pod_settings`.
        labels: to find it by.
    """

    name: str
    replicas: Mapping[str, int]
    command: Sequence[str]
    pod: Mapping[str, Any]
    labels: Mapping[str, str]


class Phase(enum.Enum):
    """How a process, or a job, stands."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class Replica:
    """One process of a job.

    Attributes:
        name: type and number, e.g. "worker-1".
        phase: how it stands.
        reason: why it waits or failed, in the cluster's words; "" for none.
        preempted: whether its machine was taken away.
    """

    name: str
    phase: Phase
    reason: str = ""
    preempted: bool = False


@dataclasses.dataclass(frozen=True)
class JobState:
    """How a job stands.

    Attributes:
        phase: of the whole.
        reason: why it failed, in the operator's words; "" for none.
        replicas: the processes that there are by now.
    """

    phase: Phase
    reason: str
    replicas: tuple[Replica, ...]


class Jobs(Protocol):
    """Jobs on a cluster. All raise `ClusterError` if the cluster refuses or is away."""

    def start(self, job: Job) -> bool:
        """Makes the job; False if there is one of that name, which is left as it is."""

    def state(self, name: str) -> JobState | None:
        """How a job stands; None if there is none of that name."""

    def log(self, name: str, replica: str, lines: int | None = None) -> str:
        """What a process said, or its last lines; "" if that is not to be had."""

    def remove(self, name: str) -> None:
        """Ends the job's processes, which get a minute to save, and forgets it."""
