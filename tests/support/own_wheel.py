"""The wheel of this package, built as it is released, and laid out as an installer does."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tarfile
import zipfile

__all__ = ["build_wheel", "lay_out"]

_ROOT = pathlib.Path(__file__).resolve().parents[2]


def build_wheel(folder: pathlib.Path) -> pathlib.Path:
    """A wheel built from the source distribution, not from the checkout."""
    subprocess.run(
        [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(folder), "sdist",
         "--dist-dir", str(folder)],
        cwd=_ROOT,
        check=True,
        capture_output=True,
    )  # fmt: skip
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as held:
        held.extractall(folder / "unpacked")
    (unpacked,) = (folder / "unpacked").iterdir()
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--wheel-dir", str(folder), str(unpacked)],
        check=True,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def lay_out(wheel: pathlib.Path) -> pathlib.Path:
    """The folder with the wheel's files, for PYTHONPATH."""
    folder = wheel.parent / "installed"
    with zipfile.ZipFile(wheel) as held:
        held.extractall(folder)
    return folder
