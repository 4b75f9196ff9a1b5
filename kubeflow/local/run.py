"""Runs a package: starts the orchestrator, follows it, and reports the result."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from tfx_estimators import terminal
from tfx_estimators.environment_variables import LAUNCHER_COPIES, PROGRESS
from tfx_estimators.errors import PipelineError
from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.kubernetes_names import NO_IMAGE
from tfx_estimators.kubeflow.local.containers import podman_command
from tfx_estimators.kubeflow.local.kfp_python import kfp_python
from tfx_estimators.kubeflow.local.package_file import PackageFile
from tfx_estimators.kubeflow.local.step_progress import StepProgress
from tfx_estimators.pipelines.display.audience import counts_are_shown
from tfx_estimators.pipelines.display.lines import line_of
from tfx_estimators.pipelines.display.run_events import (
    Event,
    Message,
    StepBegan,
    StepEnded,
    StepRuns,
)

__all__ = ["RunReport", "run_package"]

_EXECUTOR = "--executor_class_path"
_EVER = 1e12


@dataclasses.dataclass
class RunReport:
    """What a run came to.

    Attributes:
        log: what kfp said.
        records: folder of the lineage records.
        seconds: step -> how long it took, retries included.
        retries: step -> how often it was tried again.
    """

    log: pathlib.Path
    records: pathlib.Path
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    retries: dict[str, int] = dataclasses.field(default_factory=dict)


def run_package(
    package: pathlib.Path,
    root: pathlib.Path,
    *,
    containers: bool = False,
    pipeline_root: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    version: str = "2.17",
    say: Callable[[str], None] | None = None,
    tell: Callable[[Event], None] | None = None,
) -> RunReport:
    """Runs a compiled package to its end.

    Args:
        package: a `.yaml` file; see `kubeflow.package`.
        root: everything that the run makes goes below it: `artifacts/RUN/STEP/` with
            `artifacts/RUN/logs/`, `artifacts/records/` and `artifacts/cache/`.
        pipeline_root: a URI such as "minio://mlpipeline/v2": steps see copies of their own
            inputs, as of a bucket, and nothing else of the run's artifacts.
        containers: whether each step is a podman container of its image; else a process.
        arguments: values of the pipeline's own parameters.
        version: of the backend that is imitated, one of `imitated_backend.VERSIONS`.
        say: takes progress, line by line; by default it is printed on standard error.
        tell: takes the run's events instead, also how far each step is.

    Raises:
        PackageError: if the package is torn.
        ContainerError: if podman or an image is not there.
        MissingDependencyError: if there is no kfp to orchestrate with.
        PipelineError: if a step failed, with its last lines and where its log is.
    """
    hear = tell or _Saying(say or terminal.say).hear
    root = root.absolute()
    read = PackageFile.read(package)
    command = podman_command(read, root) if containers else []
    python = kfp_python(lambda line: hear(Message(line)))
    artifacts = root / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    report = RunReport(root / "kubeflow-local.log", artifacts / "records")
    job = {
        "spec": _labelled(read),
        "steps": _steps(read),
        "root": str(artifacts),
        "mounted": str(root),
        "pipeline_root": pipeline_root,
        "version": version,
        "copies_variable": LAUNCHER_COPIES,
        # Else the steps say in their logs how far they are.
        "progress_variable": PROGRESS if tell and counts_are_shown() else None,
        "log": str(report.log),
        "python": sys.executable,
        "container_command": command,
        "arguments": dict(arguments or {}),
    }
    with _orchestrator(python, job) as process:
        _follow(process, report, len(read.containers()), hear)
    return report


class _Saying:
    """Says events in lines; of a step that comes from the cache nothing but that."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._begun: StepBegan | None = None

    def hear(self, event: Event) -> None:
        """Says it."""
        if isinstance(event, StepBegan):
            self._begun = event
            return
        line = line_of(event)
        if isinstance(event, StepRuns) and self._begun is not None:
            line, self._begun = line_of(self._begun), None
        if line is not None:
            self._say(line)


@contextlib.contextmanager
def _orchestrator(
    python: pathlib.Path, job: Mapping[str, Any]
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs the orchestrator for the length of a block; leaving early ends it."""
    program = pathlib.Path(__file__).with_name("orchestrator.py")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_sigterm_interrupts())
        # Its own session: Ctrl-C is for us to pass on, once.
        process = subprocess.Popen(
            [str(python), "-I", str(program)],  # Not with the stack's own PYTHONPATH.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        try:
            process.stdin.write(dumps(job).encode() + b"\n")
            process.stdin.flush()
            yield process
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()  # The orchestrator ends its step, then itself.
            process.wait()


@contextlib.contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Has SIGTERM end a run as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # Not in the main thread.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _follow(
    process: subprocess.Popen[bytes],
    report: RunReport,
    total: int,
    tell: Callable[[Event], None],
) -> None:
    """Reports events until the orchestrator ends; raises if the run failed."""
    failure: dict[str, Any] | None = None
    problem = "its orchestrator ended without an error message"
    assert process.stdout is not None
    with StepProgress(tell) as progress:
        for line in process.stdout:
            event = json.loads(line)
            kind, step, number = event["event"], event.get("step", ""), event.get("number", 0)
            if kind == "begin":
                if event["attempt"] == 1:
                    tell(StepBegan(step, number, total))
                tell(StepRuns(step, event["log"]))
                progress.begin(step, event["progress"])
            elif kind == "cached":
                tell(StepBegan(step, number, total))
                tell(StepEnded(step, number, total, "cached", 0.0))
            elif kind == "end":
                progress.end()
                report.seconds[step] = event["seconds"]
                tell(StepEnded(step, number, total, "done", event["seconds"]))
            elif kind == "retry":
                report.retries[step] = report.retries.get(step, 0) + 1
                failed = f"failed ({_code(event['code'])}), retrying; {event['log']}"
                tell(Message(f"[{number}/{total}] {step}: {failed}"))
            elif kind == "failure":
                progress.end()
                failure = event
                tell(StepEnded(step, number, total, "failed", event["seconds"]))
            elif kind == "error":
                problem = f"{event['type']}: {event['message']}"
            elif kind == "complete":
                return
    if failure is not None:
        last = "\n".join(f"  | {line}" for line in failure["last"])
        raise PipelineError(
            f"{failure['step']} failed ({_code(failure['code'])}); its last lines:\n{last}",
            fix=f"correct the cause and run again; the whole log: {failure['log']}",
        )
    raise PipelineError(f"the package could not be run: {problem}", fix=f"see {report.log}")


def _code(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _labelled(package: PackageFile) -> dict[str, Any]:
    """The spec with each step's label in place of its image: all that a handler is told."""
    spec: dict[str, Any] = json.loads(dumps(package.spec))
    for label in package.containers():
        spec["deploymentSpec"]["executors"][label]["container"]["image"] = label
    return spec


def _steps(package: PackageFile) -> dict[str, dict[str, Any]]:
    """Executor label -> what the orchestrator has to know of the step."""
    labels = {n: c.get("executorLabel") for n, c in package.spec["components"].items()}
    names = {labels[t["componentRef"]["name"]]: (n, t) for n, t in package.tasks().items()}
    steps = {}
    # In the image, on a cluster; a process has none.
    versions = {name: _version(name) for name in ("tfx", "tfx-estimators")}
    for label, container in package.containers().items():
        name, task = names.get(label, (label, {}))
        policy = task.get("retryPolicy") or {}
        steps[label] = {
            "name": name,
            "image": container.get("image") or "",
            "environment": {e["name"]: str(e.get("value", "")) for e in container.get("env") or ()},
            "attempts": 1 + int(policy.get("maxRetryCount") or 0),
            # Argo counts whole seconds, and ends all retrying after the longest time.
            "pause": int(_seconds(policy.get("backoffDuration"), 0.0)),
            "factor": float(policy.get("backoffFactor") or 2),
            "longest": _seconds(policy.get("backoffMaxDuration"), _EVER),
            "container": {k: container.get(k) for k in ("image", "command", "args")} | versions,
            "cached": _is_cached(task, container),
            "claims": package.claims(label),
        }
    return steps


def _is_cached(task: Mapping[str, Any], container: Mapping[str, Any]) -> bool:
    """Whether the backend would look for the step in its cache.

    Whether the code of a step of one's own has changed, only a new image would tell.
    """
    if not (task.get("cachingOptions") or {}).get("enableCache"):
        return False
    arguments = list(container.get("args") or ())
    if _EXECUTOR not in arguments[:-1]:
        return False
    executor = str(arguments[arguments.index(_EXECUTOR) + 1])
    return container.get("image") != NO_IMAGE or executor.startswith(("tfx.", "tfx_estimators."))


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _seconds(duration: str | None, default: float) -> float:
    """Protobuf's Duration as JSON has it: "1.5s"."""
    return float(duration.rstrip("s")) if duration else default
