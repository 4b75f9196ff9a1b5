"""A process that executes one step, and tells the run's process of everything it says."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import logging
import logging.handlers
import os
import queue
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

from tfx_estimators.components.progress import Counted, progress_told_to
from tfx_estimators.components.resources import Resources
from tfx_estimators.components.user_code import find_place, full_trace
from tfx_estimators.pipelines.step_failures import explained, no_exit
from tfx_estimators.pipelines.step_resources import step_environment

__all__ = ["PrintedText", "StepAnswer", "StepTask", "execute"]

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class StepTask:
    """What a process is to do.

    Attributes:
        step: the node's id.
        operator: TFX's class of executor operators.
        spec: the executor's, a message.
        platform: the platform's settings for the executor, a message; None without any.
        execution: a serialized `ExecutionInvocation`.
        artifact_modules: where the classes of its artifacts are defined, which TFX looks for
            among what has been imported.
        environment: all variables of the run's process.
        resources: of the step.
        level: of what is logged.
        is_silent: whether the run's process shows no warnings.
        shows_counts: whether the run shows how far steps are; else they show it themselves.
    """

    step: str
    operator: Any
    spec: Any
    platform: Any
    execution: bytes
    artifact_modules: frozenset[str]
    environment: Mapping[str, str]
    resources: Resources
    level: int
    is_silent: bool
    shows_counts: bool


@dataclasses.dataclass(frozen=True)
class PrintedText:
    """Text that goes to one of the run's streams.

    Attributes:
        stream: "stdout" or "stderr".
        text: as it was written.
    """

    stream: str
    text: str


@dataclasses.dataclass(frozen=True)
class StepAnswer:
    """The last thing that a process tells.

    Attributes:
        output: a serialized `ExecutorOutput`; None if the step failed.
        error: why it failed.
    """

    output: bytes | None
    error: BaseException | None = None


def execute(task: StepTask, connection: Connection) -> None:
    """Executes a step. Called in a process made for it.

    Args:
        task: what to do.
        connection: takes a `Counted`, a `PrintedText`, a `logging.LogRecord` as they come, and an
            `StepAnswer` at the end.
    """
    # Ctrl-C in a terminal reaches the run, which passes it on, once.
    os.setpgid(0, 0)
    threading.Thread(target=_end_with_parent, name="end_with_parent", daemon=True).start()
    os.environ.clear()
    os.environ.update(task.environment)
    if task.is_silent:
        warnings.filterwarnings("ignore")
    told = _Told(connection)
    with _streams(told):
        logging.basicConfig(handlers=[_Handler(told)], level=task.level, force=True)
        answer = _answer(task, told)
    told.tell(answer)


def _answer(task: StepTask, told: _Told) -> StepAnswer:
    from tfx_estimators.estimator.activation import activate_with_tensorflow

    # A fork server that somebody started before has not preloaded it.
    activate_with_tensorflow()
    counting = progress_told_to(told.tell) if task.shows_counts else contextlib.nullcontext()
    try:
        with counting, no_exit(task.step), step_environment(task.resources):
            return StepAnswer(_run(task))
    except KeyboardInterrupt:
        from tfx_estimators.pipelines.beam_workers import end_workers

        end_workers()
        return StepAnswer(None, KeyboardInterrupt())
    except Exception as error:
        _log.error("%s failed\n%s", task.step, full_trace(error))
        shown = explained(task.step, error)
        # Its trace stays here.
        vars(shown).setdefault("place", find_place(error))
        return StepAnswer(None, shown)


def _run(task: StepTask) -> bytes:
    from tfx.orchestration.portable import data_types
    from tfx.proto.orchestration import executable_spec_pb2, execution_invocation_pb2

    from tfx_estimators.components.beam_overhead import lower_beam_overhead
    from tfx_estimators.components.beam_processes import watch_workers

    if isinstance(task.spec, executable_spec_pb2.BeamExecutableSpec):
        lower_beam_overhead()
        flags = task.spec.beam_pipeline_args_placeholders
        watch_workers([flag.value.string_value for flag in flags])
    for module in task.artifact_modules:
        with contextlib.suppress(ImportError):  # TFX then makes a class, and says so.
            importlib.import_module(module)
    invocation = execution_invocation_pb2.ExecutionInvocation.FromString(task.execution)
    info = data_types.ExecutionInfo.from_proto(invocation)
    output: bytes = task.operator(task.spec, task.platform).run_executor(info).SerializeToString()
    return output


def _end_with_parent() -> None:
    """Ends this process when the run's does, however that ended."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)


class _Told:
    """The run's process, told by any thread of this one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.RLock()

    def tell(self, message: Counted | PrintedText | logging.LogRecord | StepAnswer) -> None:
        """Sends a message."""
        with self._lock, contextlib.suppress(OSError):  # Without a run nobody listens.
            self._connection.send(message)


class _Handler(logging.handlers.QueueHandler):
    """Sends log records."""

    def __init__(self, told: _Told) -> None:
        super().__init__(queue.SimpleQueue())  # Of no use here.
        self._told = told

    def enqueue(self, record: logging.LogRecord) -> None:
        """Sends the record, made ready for pickling."""
        self._told.tell(record)


class _Stream(io.TextIOBase):
    """A stream whose text appears in the run's, line by line.

    Another step's text may come between two messages, and `print` writes a line in pieces.
    """

    def __init__(self, told: _Told, name: str, descriptor: int) -> None:
        self._told, self._name, self._descriptor = told, name, descriptor
        self._pending = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Sends the lines that have come to their end."""
        with self._lock:
            lines, end, self._pending = (self._pending + text).rpartition("\n")
            if end:
                self._told.tell(PrintedText(self._name, lines + end))
        return len(text)

    def flush(self) -> None:
        """Sends what is there."""
        with self._lock:
            if self._pending:
                self._told.tell(PrintedText(self._name, self._pending))
            self._pending = ""

    def fileno(self) -> int:
        """The descriptor, for processes that write to it."""
        return self._descriptor


@contextlib.contextmanager
def _streams(told: _Told) -> Iterator[None]:
    out, error = _Stream(told, "stdout", 1), _Stream(told, "stderr", 2)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            yield
        finally:
            out.flush()
            error.flush()
