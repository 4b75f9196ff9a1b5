"""The tutorial on moving: its files, doctor's answers, and edits that are what doctor asks for.

What takes the stacks themselves is in tests/integration/test_moving.py.
"""

from __future__ import annotations

import json
import pathlib

import pytest
from click.testing import CliRunner
from page_code import page_blocks, page_commands, page_edit, page_files

from tfx_estimators.cli import main

ASK, EDIT = "3. Ask doctor", "4. Edit the pipeline's file"


@pytest.fixture
def project(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The project of the page, which is the current folder."""
    for name, content in page_files("moving").items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def doctor(section: str, *arguments: str) -> str:
    """What the page's command prints."""
    (command,) = page_commands("moving", section)
    return CliRunner().invoke(main, [*command[1:], *arguments]).output


def needed(section: str) -> set[str]:
    """The names that doctor asks to change."""
    found = json.loads(doctor(section, "--json"))
    return {one["name"] for one in found if one["verdict"] != "works"}


def test_doctor_prints_what_the_page_shows(project: pathlib.Path) -> None:
    printed = doctor(ASK).splitlines()
    for part in page_blocks("moving", ASK, "text")[0].split("...\n"):
        lines = part.splitlines()
        start = printed.index(lines[0])
        assert printed[start : start + len(lines)] == lines


def test_the_edits_of_the_page_are_what_doctor_asks_for(project: pathlib.Path) -> None:
    stock = needed(ASK)
    assert {name for name in stock if name.startswith("tfx.")} == {
        "tfx.components.Trainer",
        "tfx.components.Trainer(custom_executor_spec)",
        "tfx.components.Trainer(transformed_examples)",
        "tfx.components.Evaluator",
        "tfx.components.Pusher",
        "tfx.components.trainer.executor",
    }
    assert "tensorflow_model_analysis.ModelSpec(signature_name='eval')" in stock
    moved = page_edit("moving", EDIT, (project / "pipeline.py").read_text())
    (project / "moved.py").write_text(moved)
    assert needed(EDIT) == set()
    # The module and the pipeline after the second tutorial need nothing either.
    (project / "pipeline.py").unlink()
    second = "moving-preprocessing"
    for name, content in page_files(second).items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(content)
    last = page_edit(second, "3. Edit the pipeline's file", moved)
    (project / "columns_pipeline.py").write_text(last)
    assert needed(ASK) == set()
