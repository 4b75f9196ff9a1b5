"""Which steps may run now, and how a run with several of them ends."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import FrameType
from typing import Any

from tfx_estimators.components.signals import signals_heard
from tfx_estimators.pipelines.side_by_side.step_processes import StepProcesses

__all__ = ["Schedule"]

# Of the same signal: the first one lets steps end well, the second one interrupts them.
_TIMES_UNTIL_KILLED = 3


@dataclasses.dataclass(frozen=True)
class _Step:
    name: str
    after: frozenset[str]
    launch: Callable[[], Any]


class Schedule:
    """The steps of a run.

    Args:
        most: how many steps may run at the same time.

    Attributes:
        store: held by the step that uses ML Metadata, by all of them in turn: connections
            of one process to a file get in each other's way.
        processes: those of the steps that run.
        failed: id of the step whose error ended the run; None as long as none did.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._steps: list[_Step] = []
        self._asked: list[int] = []
        self.store = threading.Lock()
        self.processes = StepProcesses()
        self.failed: str | None = None

    def add(self, name: str, after: Collection[str], launch: Callable[[], Any]) -> None:
        """Adds a step.

        Args:
            name: the node's id.
            after: ids of the steps that it needs. Those that were not added count as done.
            launch: runs it.
        """
        self._steps.append(_Step(name, frozenset(after), launch))

    def run(self) -> None:
        """Runs the steps that were added, in their order as far as they wait for none.

        After a failure, or a signal, no step begins; those that run come to their end. A
        signal is passed on to them: a training saves a checkpoint then.

        Raises:
            BaseException: what the step that failed first has raised.
            KeyboardInterrupt: if the process was asked to end, and no step has raised anything.
        """
        left, running = list(self._steps), dict[Future[Any], _Step]()
        failure: BaseException | None = None
        with signals_heard(self._pass_on), ThreadPoolExecutor(self._most, "step") as pool:
            while running or left:
                if failure is None and not self._asked:
                    unfinished = {step.name for step in (*left, *running.values())}
                    ready = [step for step in left if not step.after & unfinished]
                    for step in ready[: self._most - len(running)]:
                        left.remove(step)
                        running[pool.submit(step.launch)] = step
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    step = running.pop(future)
                    error = future.exception()
                    if error is not None and failure is None:
                        failure, self.failed = error, step.name
        if failure is not None:
            raise failure
        if self._asked and left:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Lets other steps use ML Metadata while this one's executor runs."""
        self.store.release()
        try:
            yield
        finally:
            self.store.acquire()

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """Gives a signal to the processes of the steps."""
        self._asked.append(number)
        times = self._asked.count(number)
        self.processes.send(signal.SIGKILL if times >= _TIMES_UNTIL_KILLED else number)
