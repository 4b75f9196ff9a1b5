"""The processes of one training on this machine: started, watched, and ended.

No TensorFlow here: the processes are commands that read TF_CONFIG.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO

from tfx_estimators.environment_variables import PARENT
from tfx_estimators.errors import TrainingError
from tfx_estimators.estimator.distribution.policies import Policy
from tfx_estimators.estimator.distribution.ports import release_ports, reserve_ports
from tfx_estimators.json_text import dumps

__all__ = ["Task", "end_all", "end_with_parent", "last_lines", "run_tasks", "start", "tasks_of"]

_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_TO_END = 5.0
_SECONDS_TO_SAVE = 60.0
_LINES_SHOWN = 15
_CHIEFS = ("chief", "master")  # as clusters of today and of old call it
_PR_SET_PDEATHSIG = 1


@dataclasses.dataclass(frozen=True)
class Task:
    """One process of a training.

    Attributes:
        kind: "chief", "worker", "ps" or "evaluator"; "trainer" where it is the only one.
        index: its number among those of its kind.
        tf_config: the content of TF_CONFIG, or None for none.
    """

    kind: str
    index: int
    tf_config: Mapping[str, object] | None

    @property
    def name(self) -> str:
        """Kind and index, e.g. "worker-1"."""
        return f"{self.kind}-{self.index}"

    @property
    def leads(self) -> bool:
        """Whether it writes the checkpoints."""
        cluster = (self.tf_config or {}).get("cluster")
        if isinstance(cluster, Mapping) and not any(kind in cluster for kind in _CHIEFS):
            return self.kind == "worker" and self.index == 0
        return self.kind in (*_CHIEFS, "trainer")

    @property
    def ports(self) -> list[int]:
        """Those of all members of the cluster."""
        cluster = (self.tf_config or {}).get("cluster")
        if not isinstance(cluster, Mapping):
            return []
        return [int(a.rpartition(":")[2]) for members in cluster.values() for a in members]


def tasks_of(policy: Policy) -> list[Task]:
    """The tasks of a policy, with free ports of the loopback interface in TF_CONFIG."""
    counts = policy.tasks()
    if not counts:
        return [Task("trainer", 0, None)]
    # The evaluator follows the checkpoints: it is no member of the cluster.
    sizes = {kind: count for kind, count in counts.items() if kind != "evaluator"}
    ports = iter(reserve_ports(sum(sizes.values())))
    cluster = {
        kind: [f"127.0.0.1:{next(ports)}" for _ in range(size)] for kind, size in sizes.items()
    }
    return [
        Task(kind, index, {"cluster": cluster, "task": {"type": kind, "index": index}})
        for kind, count in counts.items()
        for index in range(count)
    ]


def run_tasks(
    tasks: Sequence[Task],
    command: Callable[[Task], Sequence[str]],
    logs: pathlib.Path,
    watch: Callable[[int, int], None],
    environment: Callable[[Task], Mapping[str, str]] = lambda task: {},
) -> None:
    """Runs every task as a process until all but the parameter servers have ended.

    Whatever happens, no process is left: they are ended when one of them fails, when
    `watch` raises, and by the kernel when this process dies.

    Args:
        tasks: the tasks.
        command: the command line of a task.
        logs: folder for one log file a task.
        watch: called a few times a second with the numbers of processes that run and
            of all.

    Raises:
        TrainingError: if a task fails, with its name and last lines.
    """
    logs.mkdir(parents=True, exist_ok=True)
    running: list[tuple[Task, subprocess.Popen[bytes]]] = []
    patience = _SECONDS_TO_SAVE
    with contextlib.ExitStack() as stack:
        try:
            for task in tasks:
                log = stack.enter_context((logs / f"{task.name}.log").open("wb"))
                running.append((task, _start_task(task, command(task), environment(task), log)))
            while True:
                watch(sum(process.poll() is None for _, process in running), len(tasks))
                failed = [(task, process) for task, process in running if process.returncode]
                if failed:
                    patience = _SECONDS_TO_END  # The others wait for it in vain.
                    # One that was killed is why others failed, not the other way round.
                    task, process = min(failed, key=lambda one: one[1].returncode >= 0)
                    raise _failure(task, process.returncode, logs / f"{task.name}.log")
                if all(process.returncode == 0 for task, process in running if task.kind != "ps"):
                    return
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        finally:
            # First the one that saves a checkpoint before it ends: it needs the others for that.
            end_all([process for task, process in running if task.leads], patience)
            end_all([process for task, process in running if not task.leads], _SECONDS_TO_END)
            release_ports(port for task in tasks for port in task.ports)


def end_with_parent() -> None:
    """Called by a task first: makes the kernel end it when its parent dies."""
    parent = os.environ.pop(PARENT, None)  # Of this process, not of those that it starts.
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before.
    if os.getppid() != int(parent):
        sys.exit(f"the process {parent} that started this one is gone")


def start(
    command: Sequence[str],
    variables: Mapping[str, str],
    log: IO[bytes],
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Starts a process that ends with this one if it calls `end_with_parent`.

    Args:
        command: its command line.
        variables: its environment.
        log: takes what it writes.
        stdin: as `subprocess.Popen` has it.
    """
    return subprocess.Popen(
        list(command),
        stdin=stdin,
        stdout=log,
        stderr=log,
        # In the log's last lines the error comes last, not what was printed before it.
        env={"PYTHONUNBUFFERED": "1", **variables, PARENT: str(os.getpid())},
        # Ctrl-C is for the process that started it: it ends them in the right order.
        start_new_session=True,
    )


def last_lines(log: pathlib.Path) -> str:
    """The end of a process's log, indented as messages quote it."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES_SHOWN:]
    return "\n".join(f"    {line}" for line in lines)


def _start_task(
    task: Task, command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    variables = {**os.environ, **environment}
    variables.pop("TF_CONFIG", None)
    if task.tf_config is not None:
        variables["TF_CONFIG"] = dumps(task.tf_config)
    return start(command, variables, log)


def end_all(processes: Iterable[subprocess.Popen[bytes]], seconds: float) -> None:
    """Asks every process to end, and kills those that do not in time."""
    left = [process for process in processes if process.poll() is None]
    for process in left:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in left:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _failure(task: Task, code: int, log: pathlib.Path) -> TrainingError:
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"failed with code {code}"
    return TrainingError(
        f"{task.name} {how}; its last lines:\n{last_lines(log)}",
        expected="every task to finish on its own",
        fix="correct the cause shown in its last lines and run the pipeline again",
    )
