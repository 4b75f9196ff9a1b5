"""Which of this machine's GPUs each of several processes sees.

TensorFlow takes all the memory of every GPU that it sees: two processes on one machine
have to be kept apart.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from tfx_estimators.estimator.distribution.processes import Task

__all__ = ["VARIABLE", "gpu_shares", "visible_gpus"]

VARIABLE = "CUDA_VISIBLE_DEVICES"

_TRAINERS = ("chief", "worker", "trainer")


def gpu_shares(gpus: Sequence[str], tasks: Sequence[Task], count: int | None) -> dict[str, str]:
    """Deals GPUs out to the processes that train, each the same number.

    Args:
        gpus: all there are, as the variable names them, e.g. ("0", "1").
        tasks: all processes. Parameter servers and the evaluator get none.
        count: how many each process that trains should have; None to share them evenly.

    Returns:
        the variable's value by the task's name. Where there are fewer than asked for, the
        last processes get fewer, and say so; where there are fewer than processes and no
        number was asked for, all train on the CPU, as those in step have to be alike.
        Empty where there are no GPUs.
    """
    if not gpus:
        return {}
    trainers = [task for task in tasks if task.kind in _TRAINERS]
    each = len(gpus) // len(trainers) if count is None else count
    shares = {task.name: "" for task in tasks}
    for number, task in enumerate(trainers):
        shares[task.name] = ",".join(gpus[number * each : (number + 1) * each])
    return shares


def visible_gpus() -> list[str]:
    """The GPUs that this process sees, as the variable names them."""
    import tensorflow as tf

    found = len(tf.config.list_physical_devices("GPU"))
    named = os.environ.get(VARIABLE)
    return named.split(",")[:found] if named else [str(number) for number in range(found)]
