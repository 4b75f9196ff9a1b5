"""The house itself: links, contents pages, and what a wheel holds."""

from __future__ import annotations

import importlib
import pathlib
import pkgutil
import subprocess
import sys

import pytest

import tfx_estimators

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ["estimator", "lineage", "components", "pipelines", "report", "kubeflow"]


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_linked_into_the_root_package(room: str) -> None:
    link = ROOT / "src" / "tfx_estimators" / room
    assert link.is_symlink()
    assert link.resolve() == ROOT / room


def _packages() -> list[str]:
    found = ["tfx_estimators"]
    for info in pkgutil.walk_packages(tfx_estimators.__path__, "tfx_estimators."):
        if info.ispkg:
            found.append(info.name)
    return found


@pytest.mark.parametrize("package", _packages())
def test_contents_page_names_what_is_there(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.__all__) == list(module.__all__), "__all__ is kept sorted"
    for name in module.__all__:
        if not hasattr(module, name):
            importlib.import_module(f"{package}.{name}")


HEAVY = ["tensorflow", "tfx", "apache_beam", "tensorflow_transform", "tensorflow_model_analysis"]


@pytest.mark.parametrize("package", _packages())
def test_importing_a_room_imports_nothing_heavy(package: str) -> None:
    program = (
        f"import sys, {package}\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )  # fmt: skip
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT / "src",
    )
    assert answer.stdout.strip() == "[]"
