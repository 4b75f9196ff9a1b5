"""The TensorFlow strategy that a policy stands for, in this process.

Strategies come before anything else that TensorFlow does in a process:
`MultiWorkerMirroredStrategy` opens the cluster, and devices cannot be chosen once one is
in use.

Seen with TensorFlow 2.15 to 2.21, all public names. `RunConfig(train_distribute=...)`
refuses TensorFlow 2's `ParameterServerStrategy`, which runs its own coordinator; the one
of `tf.compat.v1` follows TF_CONFIG as Estimators do
(https://www.tensorflow.org/guide/distributed_training).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfx_estimators.errors import TrainingError
from tfx_estimators.estimator.distribution.policies import (
    Accelerators,
    CentralStorage,
    Mirrored,
    MultiWorker,
    ParameterServer,
    Policy,
)

__all__ = ["find_devices", "make_strategy"]

_log = logging.getLogger(__name__)


def make_strategy(policy: Policy, *, say: Callable[[str], None] = _log.warning) -> Any:
    """Finds the devices and makes the strategy, for `RunConfig(train_distribute=...)`.

    In a process of a cluster TF_CONFIG has to be set before.

    Args:
        policy: what is wanted.
        say: takes a line about devices that were asked for and are not there.

    Raises:
        TrainingError: if accelerators are required and there are fewer.
    """
    devices = find_devices(policy.accelerators, say=say)
    if isinstance(policy, Mirrored):
        return _mirrored(policy.devices or devices)
    if isinstance(policy, CentralStorage):
        experimental = tf.compat.v1.distribute.experimental
        return experimental.CentralStorageStrategy(compute_devices=list(devices) or None)
    if isinstance(policy, MultiWorker):
        return tf.distribute.MultiWorkerMirroredStrategy()
    assert isinstance(policy, ParameterServer)
    return tf.compat.v1.distribute.experimental.ParameterServerStrategy()


def find_devices(
    wanted: Accelerators | None, *, say: Callable[[str], None] = _log.warning
) -> tuple[str, ...]:
    """Accelerators of this machine, of which TensorFlow then sees as many as are wanted.

    Args:
        wanted: what was asked for; None for all that there are.
        say: takes a line if there are fewer.

    Returns:
        their names, e.g. ("/gpu:0", "/gpu:1"); empty for none.

    Raises:
        TrainingError: if they are required and there are fewer.
    """
    kind = wanted.kind if wanted is not None else "GPU"
    found = tf.config.list_physical_devices(kind)
    if wanted is not None:
        count = wanted.count
        if len(found) < (count or 1):
            _lacking(wanted, len(found), say)
        if count is not None and len(found) > count:
            found = found[:count]
            tf.config.set_visible_devices(found, kind)
    return tuple(f"/{kind.lower()}:{index}" for index in range(len(found)))


def _lacking(wanted: Accelerators, found: int, say: Callable[[str], None]) -> None:
    asked = f"{wanted.count or 'some'} {wanted.kind}"
    if wanted.required:
        raise TrainingError(
            f"{asked} required for training, {found} found",
            expected=f"as many as TensorFlow lists: tf.config.list_physical_devices("
            f"'{wanted.kind}')",
            fix="run on a machine that has them, or pass Accelerators(required=False)",
        )
    say(f"{asked} requested, {found} found: training on {found or 'the CPU'}")


def _mirrored(devices: Sequence[str]) -> Any:
    _make_processors(devices)
    if any("gpu" in name.lower() for name in devices):
        return tf.distribute.MirroredStrategy(list(devices))
    # On CPUs there is no NCCL, and several on one machine are summed on one of them.
    reduction = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(list(devices) or ["/cpu:0"], reduction)


def _make_processors(devices: Sequence[str]) -> None:
    """Divides the CPU into as many logical devices as are named."""
    indices = [int(name.rpartition(":")[2]) for name in devices if "cpu" in name.lower()]
    if not indices or max(indices) == 0:
        return
    (cpu,) = tf.config.list_physical_devices("CPU")
    if len(tf.config.get_logical_device_configuration(cpu) or ()) > max(indices):
        return
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * (max(indices) + 1)
    )
