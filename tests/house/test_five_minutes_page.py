"""The first five minutes: the page's data become a project by the page's command.

The other commands are typed in tests/integration/test_own_project.py.
"""

from __future__ import annotations

import pathlib

import pytest
from click.testing import CliRunner
from page_code import page_code, page_commands

from tfx_estimators.cli import main


def test_the_data_of_the_page_become_a_project(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(page_code("five-minutes", "Some data"), {})
    ((_, *arguments),) = page_commands("five-minutes", "Write a project")
    answer = CliRunner().invoke(main, arguments)
    assert answer.exit_code == 0, answer.output
    model = (tmp_path / "churn" / "model.py").read_text(encoding="utf-8")
    for column in ("age", "city", "plan", "signed up"):
        assert column in model
