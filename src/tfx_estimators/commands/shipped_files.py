"""`tfx-estimators manifests` and `image`: what a cluster needs, out of the installed package."""

from __future__ import annotations

import pathlib
import shlex
import shutil
import subprocess

import click

from tfx_estimators.commands import printing
from tfx_estimators.errors import ContainerError
from tfx_estimators.terminal import say

__all__ = ["image", "manifests"]

_FOLDER = click.Path(path_type=pathlib.Path)


@click.command()
@click.argument("folder", type=_FOLDER)
def manifests(folder: pathlib.Path) -> None:
    """Write the Kubernetes manifests into FOLDER.

    They create a namespace, a service account with the role that training jobs and serving
    need, a volume claim for checkpoints, and TensorBoard:

    \b
      tfx-estimators manifests manifests/
      kubectl apply -k manifests/
    """
    from tfx_estimators.kubeflow.shipped_files import write_manifests

    for path in write_manifests(folder):
        printing.echo(str(path))
    say(f"apply them: kubectl apply -k {shlex.quote(str(folder))}")


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--stack",
    metavar="STACK",
    help="legacy, default or current.  [default: the one nearest to the installed TFX]",
)
@click.option("--tag", metavar="NAME", help="Name of the image.  [default: tfx-estimators:STACK]")
@click.option("--build", is_flag=True, help="Also build it, with podman or docker.")
def image(folder: pathlib.Path, stack: str | None, tag: str | None, build: bool) -> None:
    """Write the build context of a step's image into FOLDER, and print how to build it.

    The image holds the pinned packages of a stack and this version of tfx-estimators:

    \b
      tfx-estimators image context/ --tag registry/taxi:1 --build
      tfx-estimators compile taxi -o taxi.yaml --image registry/taxi:1
    """
    from tfx_estimators.kubeflow.shipped_files import installed_stack, write_image_context

    builder = shutil.which("podman") or shutil.which("docker")
    if build and builder is None:
        raise ContainerError(
            "neither podman nor docker is on this machine",
            expected="one of the two to build an image",
            fix="install one, or leave --build out and build FOLDER elsewhere",
        )
    context = write_image_context(folder, stack or installed_stack(), tag)
    command = context.build_command(builder or "docker")
    printing.echo(shlex.join(command))
    if build and (code := subprocess.run(command, check=False).returncode):
        raise ContainerError(
            f"{command[0]} ended with code {code}",
            fix=f"see its output; to retry: {shlex.join(command)}",
        )
