"""Steps that do not need each other run at the same time, and end as one after another."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys

import psutil
import pytest
from process_states import has_ended
from waits import wait_until

from tfx_estimators.components.user_code import find_place
from tfx_estimators.errors import DataError, PipelineError
from tfx_estimators.lineage.runs import find_run, list_runs
from tfx_estimators.lineage.store import open_store
from tfx_estimators.pipelines.catalog import build_pipeline, load_pipeline_module
from tfx_estimators.pipelines.runners import find_runner

pytestmark = pytest.mark.faults

# Two steps that wait for each other, and one that needs both.
PIPELINE = """
import logging
import os
import pathlib
import signal
import time

import apache_beam as beam
from apache_beam.transforms import core
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import String

from tfx_estimators.components.resources import Resources, with_resources
from tfx_estimators.errors import DataError


class Note(String):
    TYPE_NAME = "meeting.Note"


@component
def Meets(me: Parameter[str], other: Parameter[str], said: OutputArtifact[Note]):
    pathlib.Path(me).touch()
    end = time.monotonic() + 300
    while not pathlib.Path(other).exists():
        assert time.monotonic() < end, "nobody came"
        time.sleep(0.05)
    logging.info("a line of %s", pathlib.Path(me).name)
    trouble = os.environ.get("TROUBLE")
    if trouble == "interrupt":
        time.sleep(600)
    if trouble and me.endswith("left"):
        if trouble == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble == "exit":
            os._exit(0)
        if trouble == "data":
            raise DataError("feature 'fare' came as text", expected="a number", fix="look")
        raise RuntimeError("the disk caught fire")
    print("printed by", pathlib.Path(me).name)
    said.value = f"{os.environ.get('COLOUR')} {os.getpid()}"


@component(use_beam=True)
def Joins(
    one: InputArtifact[Note],
    two: InputArtifact[Note],
    said: OutputArtifact[String],
    unused: BeamComponentParameter[beam.Pipeline] = None,
):
    assert hasattr(core.get_function_args_defaults, "__wrapped__"), "Beam's overhead is as it was"
    said.value = f"{one.value} {two.value} {os.getpid()}"
    print("without an end", end="")


def create_pipeline(root, data):
    root.mkdir(parents=True, exist_ok=True)
    left, right = str(root / "left"), str(root / "right")
    first = Meets(me=left, other=right).with_id("Left")
    second = with_resources(
        Meets(me=right, other=left).with_id("Right"), Resources(environment={"COLOUR": "blue"})
    )
    joins = Joins(one=first.outputs["said"], two=second.outputs["said"])
    return Pipeline(
        pipeline_name="meeting",
        pipeline_root=str(root / "artifacts"),
        components=[first, second, joins],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(root / "metadata.sqlite")
        ),
    )
"""


def run(folder: pathlib.Path) -> None:
    file, root = folder / "meeting.py", folder / "root"
    file.write_text(PIPELINE)
    definition = build_pipeline(load_pipeline_module(str(file)), root, None)
    find_runner("local").run(definition, root, parallel="2")


def command(folder: pathlib.Path, *options: str) -> list[str]:
    (folder / "meeting.py").write_text(PIPELINE)
    return [
        *(sys.executable, "-m", "tfx_estimators.cli", "run", str(folder / "meeting.py")),
        *("--root", str(folder / "root"), "--parallel", "2", *options),
    ]


def line_of(text: str) -> str:
    return f"meeting.py, line {PIPELINE[: PIPELINE.index(text)].count(chr(10)) + 1}, in"


def states(folder: pathlib.Path) -> dict[str, str]:
    store = open_store(folder / "root" / "metadata.sqlite")
    (newest,) = list_runs(store, limit=1)
    return {step.node: step.state for step in newest.steps}


@pytest.mark.stacks
def test_two_steps_meet_and_a_third_one_gets_what_they_made(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path)
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    assert lines.index("[1/3] Left") < lines.index("[2/3] Right") < lines.index("[3/3] Joins")
    # Each line in one piece.
    assert {"printed by left", "printed by right"} <= set(shown.out.splitlines())
    assert shown.out.endswith("without an end")
    (said,) = (tmp_path / "root" / "artifacts" / "Joins" / "said").glob("*/value")
    left, left_process, right, right_process, process = said.read_text().split()
    assert (left, right) == ("None", "blue")
    assert len({left_process, right_process, process, str(os.getpid())}) == 4
    assert states(tmp_path) == dict.fromkeys(["Left", "Right", "Joins"], "complete")
    run(tmp_path)
    assert capsys.readouterr().err.count("cached, nothing to do") == 3


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("fire", ["Left failed: RuntimeError: the disk caught fire", line_of("raise Runtime")]),
        ("data", ["feature 'fare' came as text", "expected: a number"]),
        ("exit", ["Left failed: its code called sys.exit(0)"]),
        ("killed", ["Left failed: its process was ended by SIGKILL", "--parallel"]),
    ],
)
def test_a_step_that_fails_is_named_and_the_other_one_is_kept(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, trouble: str, told: list[str]
) -> None:
    monkeypatch.setenv("TROUBLE", trouble)
    with pytest.raises(DataError if trouble == "data" else PipelineError) as raised:
        run(tmp_path)
    for text in told:
        assert text in str(raised.value)
    if trouble == "data":
        assert line_of("raise DataError") in f"{find_place(raised.value)}"
    assert states(tmp_path) == {"Left": "failed", "Right": "complete"}
    assert not list((tmp_path / "root" / "artifacts" / "Left").rglob("value"))


@pytest.mark.slow
def test_the_command_shows_and_logs_each_step_by_itself(tmp_path: pathlib.Path) -> None:
    answer = subprocess.run(
        command(tmp_path, "--json"), capture_output=True, text=True, timeout=900, check=False
    )
    assert answer.returncode == 0, answer.stderr
    lines = {"printed by left", "printed by right", "without an end"}
    assert set(answer.stderr.splitlines()) == lines
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    began = [(one["number"], one["step"]) for one in events if one["event"] == "step_began"]
    assert sorted(began) == [(1, "Left"), (2, "Right"), (3, "Joins")]
    for name, other in [("left", "right"), ("right", "left")]:
        log = (tmp_path / "root" / "logs" / f"{name.title()}.txt").read_text()
        assert f"a line of {name}" in log
        assert f"a line of {other}" not in log


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process_and_no_step_that_runs(
    tmp_path: pathlib.Path, end: signal.Signals
) -> None:
    process = subprocess.Popen(
        command(tmp_path),
        env={**os.environ, "TROUBLE": "interrupt"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Of tests that run in the background it is ignored, and processes inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        logs = [tmp_path / "root" / "logs" / f"{name}.txt" for name in ("Left", "Right")]
        wait_until(lambda: all("a line of" in text_of(log) for log in logs))
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(end)
        _, shown = process.communicate(timeout=300)
        assert process.returncode == (1 if end is signal.SIGINT else -end)
        if end is signal.SIGINT:
            assert "Aborted!" in shown
        wait_until(lambda: all(has_ended(one.pid) for one in below))
    finally:
        process.kill()
    if end is signal.SIGINT:
        assert set(states(tmp_path).values()) == {"failed"}
    run(tmp_path)
    store = open_store(tmp_path / "root" / "metadata.sqlite")
    for known in list_runs(store):
        assert "running" not in {step.state for step in find_run(store, known.name).steps}


def test_a_number_that_is_none_is_refused_before_anything_is_made(tmp_path: pathlib.Path) -> None:
    from click.testing import CliRunner

    from tfx_estimators.cli import main

    for given in ("0", "-1", "two", "1.5", "²"):
        answer = CliRunner().invoke(
            main, ["run", "taxi", "--root", str(tmp_path / "root"), "--parallel", given]
        )
        assert answer.exit_code
        assert f"--parallel {given}" in str(answer.output)
    assert not (tmp_path / "root").exists()


def text_of(file: pathlib.Path) -> str:
    return file.read_text() if file.exists() else ""
