"""Executions that are said to be running, though the process that ran them has ended.

A process that is killed, or whose disk is full, cannot say that a step failed. So a run
notes on each execution which process it is, and the next one looks whether it still is.
"""

from __future__ import annotations

import os
import socket

from tfx_estimators.lineage.properties import ENDED, fill, value_of
from tfx_estimators.lineage.select import Condition, select
from tfx_estimators.lineage.store import Store

__all__ = ["end_unfinished", "note_process"]

_PROCESS = "tfx_estimators.process"
# Clocks are read with this precision.
_SECONDS = 2.0


def note_process(store: Store, execution: int) -> None:
    """Says on an execution that this process runs it.

    Raises:
        MetadataStoreError: if the store does not take it.
    """
    for found in store.get_executions_by_id([execution]):
        fill(found.custom_properties, {_PROCESS: f"{_host()}{os.getpid()}/{_began(os.getpid())}"})
        store.put_executions([found])


def end_unfinished(store: Store, *, here: bool = False) -> list[int]:
    """Has executions of processes that have ended fail.

    Those of another machine, or that no process has noted itself on, are left as they are.

    Args:
        store: opened for writing.
        here: also those of this process, whose run has ended.

    Returns:
        Their numbers.

    Raises:
        MetadataStoreError: if the store does not answer or take it.
    """
    conditions = [
        Condition("last_known_state", "=", "RUNNING"),
        Condition(_PROCESS, "PREFIX", _host()),
    ]
    ended = []
    for execution in select(store, "executions", None, conditions):
        pid, _, began = str(value_of(execution, _PROCESS)).removeprefix(_host()).partition("/")
        if not _runs(int(pid), float(began)) or (here and int(pid) == os.getpid()):
            # When it was last heard of; ML Metadata takes now for its end.
            last = execution.last_update_time_since_epoch / 1000
            fill(execution.custom_properties, {ENDED: last})
            execution.last_known_state = execution.FAILED
            ended.append(execution)
    if ended:
        store.put_executions(ended)
    return [execution.id for execution in ended]


def _host() -> str:
    return f"{socket.gethostname()}/"


def _began(pid: int) -> float:
    """When a process began, which tells it from a later one of the same number."""
    import psutil

    return float(psutil.Process(pid).create_time())


def _runs(pid: int, began: float) -> bool:
    import psutil

    try:
        return abs(_began(pid) - began) < _SECONDS
    except psutil.Error:
        return False
