"""The program that runs a package with `kfp.local`: `python orchestrator.py`, job on stdin.

It imports kfp and the standard library only, since it may run in a virtual environment
of its own: TFX 1.15 and 1.16 need protobuf 3, and the kfp that knows how to orchestrate a
pipeline locally needs protobuf 6.

The first line on stdin is the job, as JSON. stdin stays open for as long as the one who
started this is there: when it ends, the step that is running is ended too. Events leave on
stdout, a JSON object a line; all that kfp says goes into the job's log.

What is used of kfp beside its documented names, seen on 2.16.1: `task_dispatcher` looks
`subprocess_task_handler.SubprocessTaskHandler` up at each call.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.kubeflow.local.imitated_backend import (
        VERSIONS,
        Cache,
        ProvisionedTask,
        executor_input,
        expanded,
    )
    from tfx_estimators.kubeflow.local.launcher_copies import FOLDERS, LauncherCopies
else:
    # Beside this program, where Python does not look when it is isolated.
    sys.path.append(str(pathlib.Path(__file__).parent))
    from imitated_backend import VERSIONS, Cache, ProvisionedTask, executor_input, expanded
    from launcher_copies import FOLDERS, LauncherCopies


_LAST_LINES = 20
_NEVER_SET = "KFP_RUN_ID"  # By the backend of version 2, that is.


class EventStream:
    """Tells the one who started this what happens."""

    def __init__(self) -> None:
        # kfp prints; what it prints is not for a reader of events.
        self._stream = os.fdopen(os.dup(sys.stdout.fileno()), "w")

    def tell(self, event: str, **facts: Any) -> None:
        """Writes a line; nobody may be there to read it any more."""
        with contextlib.suppress(BrokenPipeError):
            self._stream.write(json.dumps({"event": event, **facts}, allow_nan=False) + "\n")
            self._stream.flush()


class Ending:
    """Whether all has to end, and the process that has to end then."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stop: list[str] = []

    def watch(self) -> None:
        """Asks for an end when stdin does, from another thread."""
        threading.Thread(target=self._wait_for_end_of_stdin, daemon=True).start()

    def hold(self, process: subprocess.Popen[bytes] | None, stop: list[str]) -> None:
        """Takes note of the running step, and of the command that ends it, if any."""
        with self._lock:
            self._process, self._stop = process, stop
            if process is not None and self.asked.is_set():
                self._end(process)

    def _wait_for_end_of_stdin(self) -> None:
        while sys.stdin.buffer.read(1):
            pass
        with self._lock:
            self.asked.set()
            if self._process is not None:
                self._end(self._process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        # The launcher dies of SIGTERM, and what it has started with it, at once.
        if self._stop:
            subprocess.run(self._stop, check=False, capture_output=True)
        end_group(process, signal.SIGKILL)


def end_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Signals a step and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


class TaskRunner:
    """Carries out the tasks that `kfp.local` hands over.

    Args:
        job: see `run.py`, which writes it.
        events: takes what happens.
        ending: says when to stop.
    """

    def __init__(self, job: dict[str, Any], events: EventStream, ending: Ending) -> None:
        self._job, self._events, self._ending = job, events, ending
        self._version = VERSIONS[job["version"]]
        self._copies = self._launcher_copies()
        self._cache = Cache(pathlib.Path(job["root"]) / "cache", self._copies)
        self._started = 0
        self._lock = threading.Lock()

    def carry_out(self, label: str, command: list[str]) -> bool:
        """Runs a step, again as often as its retry policy says; True if it succeeded."""
        step = self._job["steps"][label]
        given = executor_input(command)
        task = self._provisioned(command, given) if given is not None else None
        root = task.folder.parent if task is not None else pathlib.Path(self._job["root"])
        logs = root / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._started += 1
            facts = {"step": step["name"], "number": self._started}
        claims = step["claims"] if self._version.keys_claims else ()
        key = (
            self._cache.key(step["container"], given, claims) if step["cached"] and given else None
        )
        if key is not None and task is not None and (answer := self._cache.find(key)) is not None:
            task.folder.mkdir(parents=True)
            task.told.write_text(answer, encoding="utf-8")
            self._events.tell("cached", **facts)
            return True
        begin = time.monotonic()
        for attempt in range(1, step["attempts"] + 1):
            log = logs / f"{step['name']}.{attempt}.txt"
            shown = str(log.with_suffix(".progress")) if self._job["progress_variable"] else None
            self._events.tell("begin", attempt=attempt, log=str(log), progress=shown, **facts)
            if task is not None:
                # A pod begins with nothing, and so does a retry here.
                command = task.begin(log, attempt)
            code = self._attempt(step, command, log, root.name, attempt, shown)
            seconds = time.monotonic() - begin
            if code == 0:
                if task is not None:
                    task.end()
                    if key is not None and task.told.exists():
                        self._cache.keep(key, task.told)
                self._events.tell("end", seconds=seconds, **facts)
                return True
            if self._ending.asked.is_set():
                if task is not None:
                    task.clear()
                return False
            again = attempt < step["attempts"] and seconds <= step["longest"]
            self._events.tell(
                "retry" if again else "failure",
                code=code, log=str(log), last=last_lines(log), seconds=seconds, **facts,
            )  # fmt: skip
            if not again or self._ending.asked.wait(pause(step, attempt)):
                return False
        return False

    def _provisioned(self, command: list[str], given: dict[str, Any]) -> ProvisionedTask:
        common = pathlib.Path(self._job["mounted"]) / "tmp"
        return ProvisionedTask(command, given, self._version, common, self._copies)

    def _launcher_copies(self) -> LauncherCopies | None:
        root = self._job["pipeline_root"]
        if not root:
            return None
        # One folder for all pods, which run one after the other: records name paths in it.
        folder = pathlib.Path(self._job["mounted"]) / "launcher"
        return LauncherCopies(root, pathlib.Path(self._job["root"]), folder)

    def _attempt(
        self,
        step: dict[str, Any],
        command: list[str],
        log: pathlib.Path,
        run: str,
        attempt: int,
        progress: str | None,
    ) -> int:
        name = f"{run}-{step['name']}-{attempt}"
        variables = {**step["environment"], "KFP_POD_NAME": name}
        if progress is not None:
            variables[self._job["progress_variable"]] = progress
        copies = self._copies
        if copies is not None and not self._job["container_command"]:
            variables[self._job["copies_variable"]] = str(copies.folder)
        # As in the image: output and errors in the order in which they were written.
        environment, stop = {"PYTHONUNBUFFERED": "1", **os.environ, **variables}, []
        environment.pop(_NEVER_SET, None)
        command = [expanded(part, variables) for part in command]
        if self._job["container_command"]:
            shown = [part for key, value in variables.items() for part in ("-e", f"{key}={value}")]
            paths = paths_in(command, outside=self._job["mounted"])
            mounts = [part for path in paths for part in ("-v", f"{path}:{path}:ro")]
            if copies is not None:
                for folder in FOLDERS.values():
                    (copies.folder / folder).mkdir(exist_ok=True)
                    mounts += ["-v", f"{copies.folder / folder}:/{folder}"]
            stop = [self._job["container_command"][0], "kill", name]
            command = [
                *self._job["container_command"],
                "--name", name, *shown, *mounts, "--entrypoint", command[0],
                step["image"], *command[1:],
            ]  # fmt: skip
        elif command[0] in ("python", "python3"):
            command = [self._job["python"], *command[1:]]
        with log.open("ab") as output:
            try:
                process = subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                output.write(f"{command[0]} cannot be started: {error}\n".encode())
                return 127
        self._events.tell("process", step=step["name"], pid=process.pid)
        self._ending.hold(process, stop)
        try:
            return process.wait()
        finally:
            self._ending.hold(None, [])
            end_group(process, signal.SIGKILL)  # Whatever it has left behind.


def paths_in(command: list[str], outside: str) -> list[str]:
    """Folders and files of this machine that the step's parameters name."""
    seen = pathlib.Path(outside)
    values = ((executor_input(command) or {}).get("inputs") or {}).get("parameterValues") or {}
    paths = (value for value in values.values() if isinstance(value, str))
    # Not pathlib: it raises an error for text that is too long for a path.
    there = {path for path in paths if path.startswith("/") and os.path.exists(path)}  # noqa: PTH110
    return sorted(p for p in there if seen not in (pathlib.Path(p), *pathlib.Path(p).parents))


def pause(step: dict[str, Any], attempt: int) -> float:
    """Seconds to wait before the attempt after this one."""
    return float(step["pause"] * step["factor"] ** (attempt - 1))


def last_lines(log: pathlib.Path) -> list[str]:
    """The end of a log."""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 20_000))
        return file.read().decode(errors="replace").splitlines()[-_LAST_LINES:]


def orchestrate(job: dict[str, Any], steps: TaskRunner) -> None:
    """Has `kfp.local` run the job's PipelineSpec."""
    from google.protobuf import json_format
    from kfp import local
    from kfp.local import pipeline_orchestrator, status, subprocess_task_handler
    from kfp.pipeline_spec import pipeline_spec_pb2

    class TaskHandler:
        # 2.17 also gives `env_vars`, which are the container's and in the job already.
        def __init__(self, image: str, full_command: list[str], **_: Any) -> None:
            self._label, self._command = image, full_command

        def run(self) -> Any:
            done = steps.carry_out(self._label, self._command)
            return status.Status.SUCCESS if done else status.Status.FAILURE

    subprocess_task_handler.SubprocessTaskHandler = TaskHandler
    spec = json_format.ParseDict(job["spec"], pipeline_spec_pb2.PipelineSpec())
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=job["root"],
        raise_on_error=True,
    )
    pipeline_orchestrator.run_local_pipeline(spec, job["arguments"])


def main() -> int:
    """Runs the job on stdin; returns the process's exit code."""
    job = json.loads(sys.stdin.buffer.readline())
    events, ending = EventStream(), Ending()
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    ending.watch()
    try:
        orchestrate(job, TaskRunner(job, events, ending))
    except Exception as error:
        import traceback

        traceback.print_exc()
        events.tell("error", type=type(error).__name__, message=str(error))
        return 1
    events.tell("complete")
    return 0


if __name__ == "__main__":
    sys.exit(main())
