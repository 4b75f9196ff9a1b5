"""`tfx-estimators compile`: a pipeline as a package for Kubeflow Pipelines."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import click

from tfx_estimators.commands import printing
from tfx_estimators.environment_variables import RECORDS
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.terminal import say

if TYPE_CHECKING:
    from tfx_estimators.components.resources import Resources

__all__ = ["compile_package"]


@click.command(name="compile")
@click.argument("pipeline")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=pathlib.Path),
    required=True,
    metavar="FILE",
    help="The package to write, a name that ends in .yaml.",
)
@click.option("--image", help="Image of every step whose Resources name none.")
@click.option(
    "--pipeline-root",
    metavar="URI",
    help="Where Kubeflow Pipelines keeps artifacts: minio://, s3:// or gs://.",
)
@click.option(
    "--root",
    type=click.Path(path_type=pathlib.Path),
    help="The pipeline's own folder, as the steps see it: where it pushes models and keeps "
    "checkpoints. On a cluster, a path on a volume.  [default: runs/PIPELINE]",
)
@click.option(
    "--data",
    type=click.Path(path_type=pathlib.Path),
    help="Folder of input files, as the steps see it. It need not be on this machine.",
)
@click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="NAME:PATH",
    help="A persistent volume claim that every step mounts; may be repeated. If --root "
    "is on one, steps write their lineage records to ROOT/records.",
)
@click.option(
    "--report",
    is_flag=True,
    help="Add a last step that makes the run's report, for the run's page. All steps must keep "
    "their lineage records in one folder on a claim.",
)
def compile_package(
    pipeline: str,
    output: pathlib.Path,
    image: str | None,
    pipeline_root: str | None,
    root: pathlib.Path | None,
    data: pathlib.Path | None,
    claims: tuple[str, ...],
    report: bool,
) -> None:
    """Compile PIPELINE for open-source Kubeflow Pipelines.

    PIPELINE is what `run` takes: the name of a ready pipeline or a Python file with
    create_pipeline(root, data). Everything that the backend would refuse is reported
    at once, and nothing is written.

    \b
      tfx-estimators compile taxi -o taxi.yaml --image registry/taxi:1 \\
          --pipeline-root minio://mlpipeline/taxi \\
          --claim checkpoints:/volume --root /volume/taxi --data /volume/trips
    """
    from tfx_estimators.kubeflow.defining import making_no_folders
    from tfx_estimators.kubeflow.outside import outside_of_volumes
    from tfx_estimators.kubeflow.package import compile_pipeline
    from tfx_estimators.kubeflow.pauses import longer_pauses
    from tfx_estimators.pipelines import catalog

    root = (root or pathlib.Path("runs") / pathlib.Path(pipeline).stem).absolute()
    module = catalog.load_pipeline_module(pipeline)
    every_step = _every_step(claims, root)
    # A folder that is not here is the steps' to find: a pure path has nothing to look with.
    folder = data if data is None or data.exists() else pathlib.PurePosixPath(data)
    with making_no_folders():
        definition = catalog.build_pipeline(module, _elsewhere(pipeline, root), folder)
    package = compile_pipeline(
        definition, image=image, root=pipeline_root, every_step=every_step, report=report
    )
    package.write(output)
    steps = len(package.spec["root"]["dag"]["tasks"])
    printing.echo(f"{output}: {steps} steps, {output.stat().st_size / 1024:.0f} KiB")
    for node in definition.components if data is None else ():
        folder = node.exec_properties.get("input_base")
        if folder and pathlib.PurePosixPath(folder).is_relative_to(root):
            say(f"note: {node.id} reads {folder}: put the data there")
    notes = outside_of_volumes(definition, every_step) + longer_pauses(definition, every_step)
    for line in notes:
        say(f"note: {line}")


def _elsewhere(pipeline: str, root: pathlib.Path) -> pathlib.PurePath:
    """The root for a definition; ready ones write no data of theirs below a pure path."""
    from tfx_estimators.pipelines import catalog

    return pathlib.PurePosixPath(root) if pipeline in catalog.names() else root


def _every_step(claims: tuple[str, ...], root: pathlib.Path) -> Resources | None:
    from tfx_estimators.components.resources import Claim, Resources

    volumes = []
    for text in claims:
        name, colon, path = text.partition(":")
        if not colon:
            raise UnsupportedOptionError(
                f"--claim {text!r}", expected="NAME:PATH", fix="--claim checkpoints:/volume"
            )
        volumes.append(Claim(name, path))
    if not volumes:
        return None
    on_volume = any(root.is_relative_to(volume.path) for volume in volumes)
    environment = {RECORDS: str(root / "records")} if on_volume else {}
    return Resources(volumes=volumes, environment=environment)
