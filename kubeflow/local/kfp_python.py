"""A Python whose kfp can orchestrate a pipeline locally.

The stack's own where it can: kfp 2.9 and later. TFX 1.15 and 1.16 need protobuf 3, with
which only kfp 2.5 resolves, whose `kfp.local` runs single components. For them kfp gets a
small virtual environment of its own, made once; steps run on the stack's Python all the same.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable

from tfx_estimators.components.locks import hold
from tfx_estimators.errors import MissingDependencyError

__all__ = ["KFP_VERSION", "kfp_python"]

KFP_VERSION = "2.16.1"
_READY = ".ready"


def kfp_python(say: Callable[[str], None]) -> pathlib.Path:
    """The Python to orchestrate with.

    Args:
        say: takes a line for the user before an environment is made.

    Raises:
        MissingDependencyError: if kfp cannot be installed.
    """
    if _orchestrates():
        return pathlib.Path(sys.executable)
    folder = _cache() / f"kfp-{KFP_VERSION}-py{sys.version_info[0]}.{sys.version_info[1]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with hold(folder.with_name(f"{folder.name}.lock"), None, MissingDependencyError):
        if not (folder / _READY).exists():
            say(f"installing kfp {KFP_VERSION} into {folder}, once")
            _make(folder, python)
    return python


def _orchestrates() -> bool:
    found = importlib.util.find_spec("kfp")
    places = found.submodule_search_locations if found is not None else None
    return any(pathlib.Path(p, "local", "pipeline_orchestrator.py").is_file() for p in places or ())


def _cache() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "tfx-estimators"


def _make(folder: pathlib.Path, python: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        venv.create(folder, with_pip=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise MissingDependencyError(
            f"no virtual environment can be made in {folder}: {error}",
            expected="a Python with venv and ensurepip, and room for 110 MB",
            fix="apt-get install python3-venv, or set XDG_CACHE_HOME to another folder",
        ) from error
    command = [
        str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        f"kfp=={KFP_VERSION}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingDependencyError(
            f"kfp {KFP_VERSION} cannot be installed:\n{done.stderr.strip()[-800:]}",
            expected="a package index that pip can reach",
            fix=" ".join(command),
        )
    (folder / _READY).touch()
