"""The command: help without heavy imports, and errors as messages."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tfx_estimators.cli import main

HEAVY = ["tensorflow", "tfx", "apache_beam", "ml_metadata"]


def test_help_teaches_and_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom tfx_estimators.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "tfx-estimators run taxi" in answer.stdout
    assert answer.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "taxis"], ["'taxis'", "taxi", "fix:"]),
        (["run", "nowhere/pipeline.py"], ["nowhere/pipeline.py", "does not exist"]),
        (["run", "taxi", "--data", "nowhere"], ["nowhere", "no CSV files"]),
        (["run", "taxi", "--runner", "airflow"], ["airflow", "local", "beam"]),
    ],
)
def test_bad_input_is_answered_with_what_came_and_what_to_do(
    arguments: list[str],
    words: list[str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0
    assert all(word in result.output for word in words), result.output


def test_a_root_that_cannot_be_written_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = CliRunner().invoke(main, ["run", "taxi", "--root", str(tmp_path / "file" / "root")])
    assert result.exit_code != 0
    assert "cannot write to" in result.output
    assert "--root" in result.output
