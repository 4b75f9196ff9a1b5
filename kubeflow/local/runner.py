"""The runner `kubeflow-local`: compiles a pipeline and runs the package on this machine."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.pipelines.display.audience import report
from tfx_estimators.pipelines.display.run_events import Message
from tfx_estimators.pipelines.runners.interface import RunnerOption

__all__ = ["RUNNER"]


@dataclasses.dataclass(frozen=True)
class _KubeflowLocal:
    name: str = "kubeflow-local"
    summary: str = "the package compiled for Kubeflow, each step as a process on this machine"
    options: tuple[RunnerOption, ...] = (
        RunnerOption("containers", "run each step in a podman container, not as a process."),
        RunnerOption("image", "the image of steps that name none; needs --containers.", "IMAGE"),
    )

    def check(self, **options: Any) -> None:
        """Refuses an image that no step would run in."""
        if options.get("image") is not None and not options.get("containers"):
            raise UnsupportedOptionError(
                f"--image {options['image']}: no step runs in an image without --containers",
                expected="--runner kubeflow-local --containers --image IMAGE",
                fix="add --containers, or leave --image out",
            )

    def run(self, definition: Any, root: pathlib.Path, **options: Any) -> None:
        """Writes `package.yaml` into the root, runs it, and tells ML Metadata of the run."""
        from tfx_estimators.kubeflow.local import run_package
        from tfx_estimators.kubeflow.local.live_records import LiveRecords
        from tfx_estimators.kubeflow.package import compile_pipeline
        from tfx_estimators.pipelines.recording import record_run, warned

        package, records = root / "package.yaml", root / "artifacts" / "records"
        compile_pipeline(definition, image=options.get("image"), cluster=False).write(package)
        containers = bool(options.get("containers"))
        try:
            with LiveRecords(definition.metadata_connection_config, records, _say):
                run_package(package, root, containers=containers, tell=report)
        finally:
            # Also of a run that failed: its checkpoints are there.
            with warned("the run is not in ML Metadata yet", _say):
                record_run(definition, [str(records)])


def _say(line: str) -> None:
    report(Message(line))


RUNNER = _KubeflowLocal()
