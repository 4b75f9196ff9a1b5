"""On how many devices and in how many processes a model is trained.

    EstimatorTrainer(..., distribution=MultiWorker(workers=2))

A policy says what is wanted, not where: the same object starts processes on this machine
or a job on a cluster. No TensorFlow here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.estimator.distribution.tpu import NOT_ON_TPU
from tfx_estimators.json_text import dumps

__all__ = [
    "Accelerators",
    "CentralStorage",
    "Mirrored",
    "MultiWorker",
    "ParameterServer",
    "Policy",
    "Sharding",
    "from_json",
]

Sharding = Literal["disjoint", "shuffled"]
"""How workers read: each a part of the examples, or each all in an order of its own."""

_KINDS = ("GPU",)
_WHERE = ("accelerators", "parameter_servers")


@dataclasses.dataclass(frozen=True)
class Accelerators:
    """Devices that a process should train on.

    Attributes:
        kind: as TensorFlow calls it, "GPU".
        count: how many a process; None for all that there are.
        required: whether training is refused where there are fewer. Else it says so and
            goes on with what there is, the CPU if need be.
    """

    kind: str = "GPU"
    count: int | None = None
    required: bool = False

    def __post_init__(self) -> None:
        if self.kind == "TPU":
            raise UnsupportedOptionError(
                "Accelerators(kind='TPU')",
                expected=f"GPU, and {NOT_ON_TPU}",
                fix="train on GPUs, or write the model in Keras for TPUs",
            )
        if self.kind not in _KINDS:
            raise _refused(self, "kind", self.kind, f"one of {', '.join(_KINDS)}")
        if self.count is not None:
            _check_count(self, "count", self.count)


@dataclasses.dataclass(frozen=True)
class _Policy:
    accelerators: Accelerators | None = dataclasses.field(default=None, kw_only=True)

    in_processes: ClassVar[bool] = False
    """Whether the training takes several processes."""
    has_evaluator: ClassVar[bool] = False
    """Whether one of them evaluates while the others train."""

    @property
    def readers(self) -> int:
        """How many processes read the examples."""
        return 1

    def tasks(self) -> dict[str, int]:
        """How many processes there are of each type of TF_CONFIG; none for one process."""
        return {}

    def batches_by(self, step: int) -> int:
        """How many batches each replica has taken when the global step is reached."""
        return step

    def determines(self) -> dict[str, Any]:
        """What of it changes the result of a training; the rest only says where it is done."""
        fields = {"policy": type(self).__name__, **dataclasses.asdict(self)}
        return {name: value for name, value in fields.items() if name not in _WHERE}

    def to_json(self) -> str:
        """The policy as JSON, for `from_json`."""
        return dumps({"policy": type(self).__name__, **dataclasses.asdict(self)})


@dataclasses.dataclass(frozen=True)
class Mirrored(_Policy):
    """One process, a copy of the model on each of its devices (`MirroredStrategy`).

    Attributes:
        devices: as TensorFlow names them, e.g. ("/gpu:0", "/gpu:1"); by default all
            accelerators. CPUs that do not exist are made, as logical devices.
        accelerators: what to look for.
    """

    devices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = self.devices
        if isinstance(named, str) or not all(isinstance(name, str) for name in named):
            raise _refused(self, "devices", named, 'names such as ("/gpu:0", "/gpu:1")')
        object.__setattr__(self, "devices", tuple(named))


@dataclasses.dataclass(frozen=True)
class CentralStorage(_Policy):
    """One process, variables on the CPU, a replica on each device (`CentralStorageStrategy`).

    Attributes:
        accelerators: what to look for.
    """


@dataclasses.dataclass(frozen=True)
class MultiWorker(_Policy):
    """Processes that each hold the model and train in step (`MultiWorkerMirroredStrategy`).

    The input function is called once in each. The global batch is the batch of one
    replica times the number of replicas.

    Attributes:
        workers: how many processes.
        sharding: how they read.
        accelerators: what each looks for.
    """

    workers: int
    sharding: Sharding = "disjoint"

    in_processes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_count(self, "workers", self.workers)
        _check_sharding(self, self.sharding)

    @property
    def readers(self) -> int:
        """How many processes read the examples."""
        return self.workers

    def tasks(self) -> dict[str, int]:
        """The workers; the first of them is the chief."""
        return {"worker": self.workers}


@dataclasses.dataclass(frozen=True)
class ParameterServer(_Policy):
    """Workers that train at their own pace on variables of others (`ParameterServerStrategy`).

    A chief trains too, and an evaluator follows its checkpoints.

    Attributes:
        workers: how many processes train besides the chief.
        parameter_servers: how many hold the variables.
        sharding: how they read.
        accelerators: what each worker looks for.
    """

    workers: int
    parameter_servers: int = 1
    sharding: Sharding = "disjoint"

    in_processes: ClassVar[bool] = True
    has_evaluator: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_count(self, "workers", self.workers)
        _check_count(self, "parameter_servers", self.parameter_servers)
        _check_sharding(self, self.sharding)

    @property
    def readers(self) -> int:
        """How many processes read the examples: the chief and the workers."""
        return self.workers + 1

    def batches_by(self, step: int) -> int:
        """As if all had been as fast: each batch is a step of its own."""
        return step // self.readers

    def tasks(self) -> dict[str, int]:
        """Chief, workers, parameter servers and the evaluator."""
        return {"chief": 1, "worker": self.workers, "ps": self.parameter_servers, "evaluator": 1}


Policy = Mirrored | CentralStorage | MultiWorker | ParameterServer

_POLICIES: dict[str, type[Policy]] = {
    policy.__name__: policy for policy in (Mirrored, CentralStorage, MultiWorker, ParameterServer)
}


def from_json(text: str) -> Policy:
    """Reads what `to_json` wrote.

    Raises:
        UnsupportedOptionError: if it is not a policy.
    """
    try:
        fields: Any = json.loads(text)
        kind = _POLICIES[fields.pop("policy")]
        accelerators = fields.pop("accelerators", None)
        if isinstance(accelerators, Mapping):
            fields["accelerators"] = Accelerators(**accelerators)
        return kind(**fields)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, UnsupportedOptionError):
            raise
        raise UnsupportedOptionError(
            f"distribution={text!r} is not a policy",
            expected=f"one of {', '.join(_POLICIES)}, as its to_json() writes it",
            fix="pass a policy of tfx_estimators.estimator.distribution",
        ) from error


def _check_count(policy: Any, name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _refused(policy, name, value, "an integer of at least 1")


def _check_sharding(policy: Any, value: object) -> None:
    if value not in ("disjoint", "shuffled"):
        raise _refused(policy, "sharding", value, "'disjoint' or 'shuffled'")


def _refused(policy: Any, name: str, value: object, expected: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"{type(policy).__name__}({name}={value!r})", expected=expected, fix=f"correct {name}"
    )
