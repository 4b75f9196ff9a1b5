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
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from tfx_estimators.json_text import dumps

SECONDS_TO_END = 30.0
"""How long an ended step has to save what it was doing, as on Kubernetes."""

_LAST_LINES = 20


class Events:
    """Tells the one who started this what happens."""

    def __init__(self) -> None:
        # kfp prints; what it prints is not for a reader of events.
        self._stream = os.fdopen(os.dup(sys.stdout.fileno()), "w")

    def tell(self, event: str, **facts: Any) -> None:
        """Writes a line; nobody may be there to read it any more."""
        with contextlib.suppress(BrokenPipeError):
            self._stream.write(dumps({"event": event, **facts}) + "\n")
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
        if self._stop:
            subprocess.run(self._stop, check=False, capture_output=True)
        end_group(process, signal.SIGTERM)
        threading.Thread(target=self._kill_later, args=(process,), daemon=True).start()

    def _kill_later(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            end_group(process, signal.SIGKILL)


def end_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Signals a step and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


class Steps:
    """Carries out the tasks that `kfp.local` hands over.

    Args:
        job: see `run.py`, which writes it.
        events: takes what happens.
        ending: says when to stop.
    """

    def __init__(self, job: dict[str, Any], events: Events, ending: Ending) -> None:
        self._job, self._events, self._ending = job, events, ending
        self._started = 0
        self._lock = threading.Lock()

    def carry_out(self, label: str, command: list[str]) -> bool:
        """Runs a step, again as often as its retry policy says; True if it succeeded."""
        step = self._job["steps"][label]
        folder = task_folder(command)
        logs = (folder.parent if folder else pathlib.Path(self._job["root"])) / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._started += 1
            facts = {"step": step["name"], "number": self._started}
        begin = time.monotonic()
        for attempt in range(1, step["attempts"] + 1):
            log = logs / f"{step['name']}.{attempt}.txt"
            self._events.tell("begin", attempt=attempt, log=str(log), **facts)
            if attempt > 1 and folder is not None:
                clear(folder)  # A pod begins with nothing, and so does a retry here.
            run = folder.parent.name if folder else "run"
            code = self._attempt(step, command, log, run, attempt)
            seconds = time.monotonic() - begin
            if code == 0:
                self._events.tell("end", seconds=seconds, **facts)
                return True
            if self._ending.asked.is_set():
                return False
            again = attempt < step["attempts"]
            self._events.tell(
                "retry" if again else "failure",
                code=code, log=str(log), last=last_lines(log), seconds=seconds, **facts,
            )  # fmt: skip
            if again and self._ending.asked.wait(pause(step, attempt)):
                return False
        return False

    def _attempt(
        self, step: dict[str, Any], command: list[str], log: pathlib.Path, run: str, attempt: int
    ) -> int:
        name = f"{run}-{step['name']}-{attempt}"
        variables = {**step["environment"], "KFP_POD_NAME": name, "KFP_RUN_ID": run}
        environment, stop = {**os.environ, **variables}, []
        if self._job["container_command"]:
            shown = [part for key, value in variables.items() for part in ("-e", f"{key}={value}")]
            paths = paths_in(command, outside=self._job["mounted"])
            mounts = [part for path in paths for part in ("-v", f"{path}:{path}:ro")]
            stop = [self._job["container_command"][0], "stop", "-t", str(int(SECONDS_TO_END)), name]
            command = [
                *self._job["container_command"],
                "--name", name, *shown, *mounts, "--entrypoint", command[0],
                step["image"], *command[1:],
            ]  # fmt: skip
        elif command[0] in ("python", "python3"):
            command = [self._job["python"], *command[1:]]
        with log.open("wb") as output:
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


def task_folder(command: list[str]) -> pathlib.Path | None:
    """The folder of a task's outputs, as the ExecutorInput in its command has it."""
    given = executor_input(command)
    return pathlib.Path(given["outputs"]["outputFile"]).parent if given else None


def executor_input(command: list[str]) -> dict[str, Any] | None:
    """The ExecutorInput that kfp has put in place of {{$}}; None if there is none."""
    for part in command:
        if part.startswith("{"):
            try:
                read = json.loads(part)
            except ValueError:
                continue
            if isinstance(read, dict) and "outputFile" in (read.get("outputs") or {}):
                return read
    return None


def paths_in(command: list[str], outside: str) -> list[str]:
    """Folders and files of this machine that the step's parameters name."""
    seen = pathlib.Path(outside)
    values = ((executor_input(command) or {}).get("inputs") or {}).get("parameterValues") or {}
    paths = (value for value in values.values() if isinstance(value, str))
    # Not pathlib: it raises an error for text that is too long for a path.
    there = {path for path in paths if path.startswith("/") and os.path.exists(path)}  # noqa: PTH110
    return sorted(p for p in there if seen not in (pathlib.Path(p), *pathlib.Path(p).parents))


def clear(folder: pathlib.Path) -> None:
    """Removes a task's folder."""
    shutil.rmtree(folder, ignore_errors=True)


def pause(step: dict[str, Any], attempt: int) -> float:
    """Seconds to wait before the attempt after this one."""
    seconds = step["pause"] * step["factor"] ** (attempt - 1)
    return float(min(seconds, step["longest_pause"]))


def last_lines(log: pathlib.Path) -> list[str]:
    """The end of a log."""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 20_000))
        return file.read().decode(errors="replace").splitlines()[-_LAST_LINES:]


def orchestrate(job: dict[str, Any], steps: Steps) -> None:
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
    events, ending = Events(), Ending()
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    ending.watch()
    try:
        orchestrate(job, Steps(job, events, ending))
    except Exception as error:
        import traceback

        traceback.print_exc()
        events.tell("error", type=type(error).__name__, message=str(error))
        return 1
    events.tell("complete")
    return 0


if __name__ == "__main__":
    sys.exit(main())
