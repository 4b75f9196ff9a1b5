"""What somebody has who installed the wheel and never saw the checkout."""

from __future__ import annotations

import ast
import os
import pathlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator

import pytest
from own_wheel import build_wheel, lay_out

import tfx_estimators

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ["estimator", "lineage", "components", "pipelines", "report", "kubeflow"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installed(wheel: pathlib.Path) -> pathlib.Path:
    return lay_out(wheel)


def _command(installed: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tfx_estimators.cli", *arguments],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_wheel_holds_every_module_of_every_room(wheel: pathlib.Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src" / "tfx_estimators"
    wanted = {f"tfx_estimators/{path.name}" for path in package.glob("*.py")}
    wanted |= {f"tfx_estimators/commands/{p.name}" for p in (package / "commands").glob("*.py")}
    wanted.add("tfx_estimators/py.typed")
    for room in ROOMS:
        for source in [*(ROOT / room).rglob("*.py"), *(ROOT / room).rglob("*.pyi")]:
            wanted.add(f"tfx_estimators/{source.relative_to(ROOT)}")
    assert wanted <= held
    assert not [name for name in held if name.startswith(("tests/", "benchmarks/"))]


def test_the_wheel_says_its_version_and_pythons(installed: pathlib.Path) -> None:
    (metadata,) = installed.glob("*.dist-info/METADATA")
    said = metadata.read_text(encoding="utf-8")
    assert f"\nVersion: {tfx_estimators.__version__}\n" in said
    assert re.search(r"^Requires-Python: (>=3.10, ?<3.14|<3.14, ?>=3.10)$", said, re.MULTILINE)
    assert "Classifier: Typing :: Typed" in said
    # The description says all of README, and shows no picture that an index lacks.
    assert "## The smallest pipeline" in said
    assert "docs/pictures/" not in said
    assert tfx_estimators.__version__ in _command(installed, "--version").stdout


def test_manifests_come_out_of_the_wheel(installed: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _command(installed, "manifests", str(tmp_path / "made"))
    ours = ROOT / "kubeflow" / "manifests"
    made = {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    assert made == {path.name: path.read_bytes() for path in ours.iterdir()}


@pytest.mark.parametrize("stack", ["legacy", "default", "current"])
def test_an_image_can_be_built_from_the_wheel(
    installed: pathlib.Path, tmp_path: pathlib.Path, stack: str
) -> None:
    folder = tmp_path / "context"
    command = _command(installed, "image", str(folder), "--stack", stack).stdout
    assert f"STACK={stack}" in command
    copies = re.findall(r"^COPY (.+) \S+$", (folder / "Dockerfile").read_text(), re.MULTILINE)
    sources = " ".join(copies).replace("${STACK}", stack).split()
    assert sources
    assert [source for source in sources if not (folder / source).exists()] == []
    # What the image runs is the package alone.
    subprocess.run(
        [sys.executable, "-c", "import tfx_estimators.kubeflow.entrypoint as e; print(e.__file__)"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=tmp_path,
        check=True,
    )


def test_every_command_has_help_and_every_page_is_there(installed: pathlib.Path) -> None:
    program = """
from click.testing import CliRunner
from tfx_estimators.cli import main

for name in main.commands:
    shown = CliRunner().invoke(main, [name, "--help"])
    assert shown.exit_code == 0 and name in shown.output, (name, shown.output)
"""
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
    )
    listed = {line.split()[0] for line in _command(installed, "docs").stdout.splitlines() if line}
    assert listed == {page.stem for page in (ROOT / "docs").glob("*.md")}
    page = (ROOT / "docs" / "lineage.md").read_text(encoding="utf-8")
    assert _command(installed, "docs", "lineage").stdout.strip() == page.strip()


def test_no_message_names_a_file_that_only_a_checkout_has(installed: pathlib.Path) -> None:
    folders = "docs|scripts|benchmarks|tests|kubeflow/images|kubeflow/manifests"
    only_here = re.compile(rf"(?<![\w/.])(?:{folders})/\w")
    named = [
        f"{path.relative_to(installed)}:{text.lineno}: {text.value}"
        for path in installed.rglob("*.py")
        for text in _texts(path)
        if only_here.search(text.value)
    ]
    assert named == []


def _texts(path: pathlib.Path) -> Iterator[ast.Constant]:
    """Every string of a module; of docstrings those of commands, which `--help` shows."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and (path.parent.name == "commands" or id(node) not in docstrings):
            yield node
