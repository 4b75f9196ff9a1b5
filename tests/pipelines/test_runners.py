"""Runners: one interface, and one more from a package that is not ours."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest
from page_code import page_code

from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.pipelines.runners import Runner, find_runner, runners
from tfx_estimators.pipelines.runners.registry import check_options

PIPELINE = """
def create_pipeline(root, data):
    from tfx.orchestration.pipeline import Pipeline

    return Pipeline(pipeline_name="a definition", pipeline_root=str(root))
"""


@pytest.fixture
def nightly(tmp_path: pathlib.Path) -> dict[str, str]:
    """The environment of a machine on which another package brings a runner."""
    site = tmp_path / "site"
    (site / "nightly_runner-1.0.dist-info").mkdir(parents=True)
    (site / "nightly_runner.py").write_text(page_code("extending", "A runner"))
    (site / "nightly_runner-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: nightly-runner\nVersion: 1.0\n"
    )
    (site / "nightly_runner-1.0.dist-info" / "entry_points.txt").write_text(
        f"[tfx_estimators.runners]\n{_entry_point()}\n"
    )
    (tmp_path / "mine.py").write_text(PIPELINE)
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path}


def _entry_point() -> str:
    """As an installer writes what the page has in `pyproject.toml`."""
    announced = page_code("extending", "A runner", "toml")
    found = re.search(r'^\[project\.entry-points\."tfx_estimators\.runners"\]\n(.+)', announced)
    assert found is not None
    return found[1].replace('"', "")


def _run(folder: pathlib.Path, env: dict[str, str], *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tfx_estimators.cli", "run", *arguments],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_another_package_brings_a_runner_with_its_options(
    nightly: dict[str, str], tmp_path: pathlib.Path
) -> None:
    code, said = _run(tmp_path, nightly, "--help")
    assert code == 0
    assert "[local|beam|kubeflow-local|nightly]" in said
    assert "tells the night shift" in " ".join(said.split())
    assert "--not-before HOUR" in said

    code, said = _run(
        tmp_path, nightly,
        "mine.py", "--runner", "nightly", "--not-before", "3", "--quietly", "--root", "r",
    )  # fmt: skip
    assert code == 0, said
    told = (tmp_path / "r" / "told").read_text()
    assert told == "a definition [('not_before', '3'), ('quietly', True)]"

    # An option of the one is refused for the other, with where it belongs.
    code, said = _run(tmp_path, nightly, "mine.py", "--not-before", "3", "--root", "r")
    assert code != 0
    assert "--runner nightly" in said


def test_every_runner_is_what_the_interface_says() -> None:
    assert [runner.name for runner in runners()] == ["local", "beam", "kubeflow-local"]
    for runner in runners():
        assert isinstance(runner, Runner)
        assert find_runner(runner.name) is runner


def test_an_unknown_runner_is_named_with_the_nearest() -> None:
    with pytest.raises(UnsupportedOptionError, match="did you mean 'kubeflow-local'"):
        find_runner("kubeflow_local")


def test_options_that_a_runner_would_ignore_are_refused() -> None:
    with pytest.raises(UnsupportedOptionError, match="does not accept it"):
        check_options(find_runner("beam"), {"containers": True})
    with pytest.raises(UnsupportedOptionError, match="add --containers"):
        check_options(find_runner("kubeflow-local"), {"image": "taxi:1"})
    check_options(find_runner("kubeflow-local"), {"image": "taxi:1", "containers": True})
