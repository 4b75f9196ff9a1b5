"""Files for a cluster that ship with the package: Kubernetes manifests and a step's image.

They are read from the installed package, so a user of the wheel has them too.
"""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import sys

from tfx_estimators.errors import ContainerError, UnsupportedOptionError
from tfx_estimators.supported import STACKS

__all__ = ["ImageContext", "installed_stack", "write_image_context", "write_manifests"]

# The name under which all rooms are found: in a checkout, this module's own folder is a
# link's target and not beside the others.
_ROOT = pathlib.Path(sys.modules["tfx_estimators"].__path__[0])


@dataclasses.dataclass(frozen=True)
class ImageContext:
    """A folder from which a step's image is built.

    Attributes:
        folder: holds the Dockerfile and all it copies.
        stack: legacy, default or current.
        tag: the image's name.
    """

    folder: pathlib.Path
    stack: str
    tag: str

    def build_command(self, builder: str = "docker") -> list[str]:
        """The command that builds the image with docker or podman."""
        base = STACKS[self.stack].base_image
        return [
            *(builder, "build", "-t", self.tag),
            *("--build-arg", f"STACK={self.stack}", "--build-arg", f"BASE={base}"),
            str(self.folder),
        ]


def installed_stack() -> str:
    """The stack whose TFX is nearest to the one that is installed here."""
    from importlib import metadata

    newest = next(iter(STACKS))
    try:
        release = tuple(int(part) for part in metadata.version("tfx").split(".")[:2])
    except metadata.PackageNotFoundError:
        return newest
    fitting = [name for name, stack in STACKS.items() if release <= stack.tfx]
    return fitting[-1] if fitting else newest


def write_manifests(folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes the Kubernetes manifests into a folder.

    Args:
        folder: must be new or empty.

    Returns:
        the files written.

    Raises:
        UnsupportedOptionError: if the folder has something in it.
    """
    _must_be_empty(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sorted((_ROOT / "kubeflow" / "manifests").glob("*.yaml")):
        written.append(folder / source.name)
        shutil.copyfile(source, written[-1])
    return written


def write_image_context(folder: pathlib.Path, stack: str, tag: str | None = None) -> ImageContext:
    """Writes the Dockerfile of a step's image, the stack's pins and this package into a folder.

    Args:
        folder: must be new or empty.
        stack: legacy, default or current.
        tag: the image's name; `tfx-estimators:STACK` if None.

    Raises:
        UnsupportedOptionError: if there is no such stack, or the folder has something in it.
        ContainerError: if the installed package lacks the files.
    """
    if stack not in STACKS:
        raise UnsupportedOptionError(
            f"--stack {stack}", expected=f"one of {', '.join(STACKS)}", fix="--stack current"
        )
    _must_be_empty(folder)
    images, pins = _ROOT / "kubeflow" / "images", _ROOT / "requirements"
    needed = [pins / f"{stack}.in", pins / f"{stack}.txt", images / "runtime.in"]
    missing = [str(path) for path in [images / "Dockerfile", *needed] if not path.is_file()]
    if missing:
        raise ContainerError(
            f"the installed package lacks {', '.join(missing)}",
            expected="a complete tfx-estimators",
            fix="pip install --force-reinstall --no-deps tfx-estimators",
        )
    (folder / "requirements").mkdir(parents=True)
    shutil.copyfile(images / "Dockerfile", folder / "Dockerfile")
    for path in needed:
        shutil.copyfile(path, folder / "requirements" / path.name)
    shutil.copytree(
        _ROOT, folder / "tfx_estimators", ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    return ImageContext(folder, stack, tag or f"tfx-estimators:{stack}")


def _must_be_empty(folder: pathlib.Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise UnsupportedOptionError(
            f"the folder {folder} is not empty", expected="a new or empty folder"
        )
    if folder.exists() and not folder.is_dir():
        raise UnsupportedOptionError(f"{folder} is a file", expected="a new or empty folder")
