"""Podman, as steps of a package are run with it.

The container is run here and its own exit code read: behind kfp's DockerRunner podman's
failures were reported as success.
"""

from __future__ import annotations

import pathlib
import resource
import shutil
import subprocess

from tfx_estimators.errors import ContainerError
from tfx_estimators.kubeflow.kubernetes_names import NO_IMAGE
from tfx_estimators.kubeflow.local.package_file import PackageFile

__all__ = ["podman_command"]

_BUILD = "tfx-estimators image DIR --build"


def podman_command(package: PackageFile, root: pathlib.Path) -> list[str]:
    """The start of the command that runs a step's container.

    Args:
        package: every image in it has to be here.
        root: seen in the container at the same path, and writable.

    Raises:
        ContainerError: if podman or an image is not here.
    """
    podman = shutil.which("podman")
    if podman is None:
        raise ContainerError(
            "there is no podman on this machine",
            expected="podman, with runc",
            fix="apt-get install podman runc, or leave --containers out to run steps as processes",
        )
    images = {str(held.get("image") or "") for held in package.containers().values()}
    for image in sorted(images):
        if image in ("", NO_IMAGE):
            raise ContainerError(
                f"a step of {package.path} has no image",
                expected="an image for each step",
                fix=f"name one: --image tfx-estimators:STACK, built by {_BUILD}",
            )
        asked = subprocess.run([podman, "image", "exists", image], check=False)
        if asked.returncode:
            raise ContainerError(
                f"the image {image} is not on this machine",
                expected="an image that podman has: podman images",
                fix=f"podman pull {image}, or build it: {_BUILD}",
            )
    command = [podman]
    if (runtime := shutil.which("runc")) is not None:
        command += ["--runtime", runtime]
    # Outputs belong to who runs this, whatever user the image names.
    command += ["run", "--rm", "--user", "0:0", "--network", "host", "-v", f"{root}:{root}"]
    return [*command, *_limits()]


def _limits() -> list[str]:
    """This machine's own: podman's defaults may be more than it allows."""
    processes = int(pathlib.Path("/proc/sys/kernel/pid_max").read_text())
    limits = {"nofile": _hard(resource.RLIMIT_NOFILE, 1 << 20)}
    limits["nproc"] = _hard(resource.RLIMIT_NPROC, processes)
    return [part for name, n in limits.items() for part in ("--ulimit", f"{name}={n}:{n}")]


def _hard(limit: int, most: int) -> int:
    hard = resource.getrlimit(limit)[1]
    return most if hard == resource.RLIM_INFINITY else min(hard, most)
