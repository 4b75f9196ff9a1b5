"""Ends executions that are still marked as running after their process has died.

A process that is killed, or whose disk is full, cannot say that a step failed. So a run
notes on each execution which process it is, and the next one looks whether it still is. A
process is known by its number and the time between the machine's start and its own: a clock
that is set moves both, and takes no living process for another one.
"""

from __future__ import annotations

import os
import pathlib
import re
import socket
from typing import Any

from tfx_estimators.lineage.properties import ENDED, fill, value_of
from tfx_estimators.lineage.select import Condition, select
from tfx_estimators.lineage.store import Store

__all__ = ["end_unfinished", "is_abandoned", "note_process"]

_PROCESS = "tfx_estimators.process"
_PID = re.compile(r"\d{1,19}", re.ASCII)
# Of Linux: which start of the machine it is, ...
_BOOT = pathlib.Path("/proc/sys/kernel/random/boot_id")
# ... and where, after its name, a process's file `stat` has the ticks from there to its own.
_START = 19


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
        process = _process_of(execution)
        mine = here and process is not None and process[0] == os.getpid()
        if mine or is_abandoned(execution):
            # When it was last heard of; ML Metadata takes now for its end.
            last = execution.last_update_time_since_epoch / 1000
            fill(execution.custom_properties, {ENDED: last})
            execution.last_known_state = execution.FAILED
            ended.append(execution)
    if ended:
        store.put_executions(ended)
    return [execution.id for execution in ended]


def is_abandoned(execution: Any) -> bool:
    """Whether a process of this machine has noted itself on an execution, and runs no more.

    Args:
        execution: of ML Metadata, in any state.
    """
    process = _process_of(execution)
    return process is not None and not _runs(*process)


def _process_of(execution: Any) -> tuple[int, str] | None:
    """The process of this machine that an execution names; None if it names none."""
    noted = str(value_of(execution, _PROCESS) or "")
    pid, _, began = noted.removeprefix(_host()).partition("/")
    if not noted.startswith(_host()) or not _PID.fullmatch(pid):
        return None
    return int(pid), began


def _host() -> str:
    return f"{socket.gethostname()}/"


def _began(pid: int) -> str:
    """When a process began, which tells it from a later one of the same number.

    Raises:
        ProcessLookupError: if there is no such process.
    """
    if not _BOOT.exists():
        import psutil

        try:
            return f"{psutil.Process(pid).create_time():.2f}"
        except psutil.Error as error:
            raise ProcessLookupError(str(error)) from error
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except FileNotFoundError as error:
        raise ProcessLookupError(str(error)) from error
    # The process's name, in parentheses, may hold anything.
    ticks = state.rpartition(")")[2].split()[_START]
    return f"{_BOOT.read_text().strip()}+{ticks}"


def _runs(pid: int, began: str) -> bool:
    try:
        return _began(pid) == began
    except ProcessLookupError:
        return False
