"""`tfx-estimators run PIPELINE --runner kubeflow-local`: the compiled package, run here."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["check_options", "containers_option", "image_option", "run_compiled"]

containers_option = click.option(
    "--containers",
    is_flag=True,
    help="With kubeflow-local: each step is a podman container of its image, not a process.",
)
image_option = click.option(
    "--image",
    metavar="IMAGE",
    help="With kubeflow-local --containers: the image of steps that name none themselves.",
)


def check_options(runner: str, *, image: str | None, containers: bool) -> None:
    """Refuses options that the runner would not heed.

    Raises:
        UnsupportedOptionError: with the command that heeds them.
    """
    if containers and runner != "kubeflow-local":
        raise UnsupportedOptionError(
            f"--containers: the runner {runner} starts no containers",
            expected="--runner kubeflow-local",
            fix="add it, or leave --containers out",
        )
    if image is not None and not containers:
        raise UnsupportedOptionError(
            f"--image {image}: without --containers no step runs in an image",
            expected="--runner kubeflow-local --containers --image IMAGE",
            fix="add --containers, or leave --image out",
        )


def run_compiled(
    pipeline: Any, root: pathlib.Path, *, image: str | None, containers: bool = False
) -> pathlib.Path:
    """Compiles a pipeline and runs the package, then tells ML Metadata of the run.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`.
        root: folder for all that the run makes; the package is `package.yaml` in it.
        image: of steps that have none of their own; needed for containers only.
        containers: whether steps are containers of it; else processes.

    Returns:
        the package.

    Raises:
        TfxEstimatorsError: as `compile_pipeline` and `run_package` do.
    """
    from tfx_estimators.kubeflow.local import run_package
    from tfx_estimators.kubeflow.package import compile_pipeline
    from tfx_estimators.pipelines.recording import record_run

    package = root / "package.yaml"
    compile_pipeline(pipeline, image=image, cluster=False).write(package)
    try:
        run_package(package, root, containers=containers)
    finally:
        # Also of a run that failed: its checkpoints are there.
        record_run(pipeline, [str(root / "artifacts" / "records")])
    return package
