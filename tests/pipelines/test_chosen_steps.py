"""--from and --to: a part of a pipeline, over what an earlier run made."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import struct
import termios
import threading

import pytest
from click.testing import CliRunner
from terminal_screen import Screen

from tfx_estimators.cli import main
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.lineage.runs import list_runs
from tfx_estimators.lineage.store import open_store
from tfx_estimators.pipelines.runners import find_runner
from tfx_estimators.pipelines.runners.registry import check_options

# No postponed annotations there: TFX reads those of component functions as objects.
PIPELINE = """
import logging
import pathlib

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing, String

from tfx_estimators.pipelines.workspace import Workspace


@component
def Speak(words: Parameter[str], speech: OutputArtifact[String]) -> None:
    logging.warning("speaks: %s", words)
    pathlib.Path(speech.uri).write_text(words)


@component
def Repeat(heard: InputArtifact[String], ending: Parameter[str], said: OutputArtifact[String]):
    logging.warning("repeats with %s", ending)
    pathlib.Path(said.uri).write_text(pathlib.Path(heard.uri).read_text() + ending)


def create_pipeline(root, data=None, *, words: str = "hello", ending: str = "!"):
    speak = Speak(words=words)
    beside = Speak(words="beside").with_id("Beside")
    # Before the first blessed model it finds nothing.
    blessed = Resolver(
        LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("Blessed")
    echo = Repeat(heard=speak.outputs["speech"], ending=ending).with_id("Echo")
    echo.add_upstream_node(blessed)
    echo_of_echo = Repeat(heard=echo.outputs["said"], ending="?").with_id("EchoOfEcho")
    return Workspace("speech", root).pipeline([speak, beside, blessed, echo, echo_of_echo])


def summary(root):
    return "this is of a whole run"
"""


def on_a_terminal(*arguments: str) -> Screen:
    """What stands on a terminal after a command that was typed there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    written: list[bytes] = []

    def read() -> None:
        # Linux says that all is read by an error.
        with contextlib.suppress(OSError):
            while part := os.read(master, 4096):
                written.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(slave, "w", encoding="utf-8") as terminal, contextlib.redirect_stderr(terminal):
        main(list(arguments), standalone_mode=False)
    reader.join()
    os.close(master)
    text = b"".join(written).decode()
    assert "loading TFX" in text.partition("Beside")[0]
    return Screen().play(text)


@pytest.mark.stacks
def test_a_part_of_a_pipeline_runs_over_what_an_earlier_run_made(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "speech.py"
    file.write_text(PIPELINE)
    root = tmp_path / "root"
    database = root / "metadata" / "metadata.sqlite"

    def run(*options: str) -> str:
        done = CliRunner().invoke(main, ["run", str(file), "--root", str(root), *options])
        said = done.output + (str(done.exception) if done.exception else "")
        return f"{done.exit_code} {said}"

    def newest() -> dict[str, str]:
        (found,) = list_runs(open_store(database), pipeline="speech", limit=1)
        return {step.node: step.state for step in found.steps}

    def planned(*options: str) -> dict[str, str]:
        before = sorted(path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts)
        command = ["run", str(file), "--root", str(root), "--dry-run", "--json", *options]
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, f"{done.output} {done.exception}"
        after = sorted(path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts)
        assert after == before
        return {one["step"]: one["outcome"] for one in json.loads(done.stdout)}

    # What a run would do, before there is anything: Echo waits for Speak, and so on.
    assert planned() == {
        "Speak": "will run",
        "Beside": "will run",
        "Blessed": "looks up",
        "Echo": "will run",
        "EchoOfEcho": "will run",
    }
    table = run("--dry-run")
    assert re.search(r"EchoOfEcho +will run +Echo will make its inputs anew", table)
    assert "4 will run, 1 looks up. Nothing was written." in table
    assert not root.exists()

    # Nothing has run: said before anything is made.
    said = run("--from", "Echo")
    assert "needs what Blessed, Speak would make" in said
    assert "leave --from out" in said
    assert "run --to Echo first" in run("--from", "EchoOfEcho")
    assert not database.exists()
    said = run("--from", "Eco")
    assert "no such step; did you mean 'Echo'?" in said
    said = run("--from", "Echo", "--to", "Beside")
    assert "Beside uses nothing that Echo makes" in said
    said = run("--to", "Echo", "--fresh")
    assert "no EstimatorTrainer is among the steps to run, Blessed, Speak, Echo" in said
    assert not database.exists()

    assert planned("--to", "Echo") == {
        "Speak": "will run", "Blessed": "looks up", "Echo": "will run"
    }  # fmt: skip

    # Up to a step: what it does not need is left.
    said = run("--to", "Echo")
    assert said.startswith("0 ")
    assert "[3/3] Echo: done" in said
    assert "Beside" not in said
    assert "whole run" not in said
    assert set(newest()) == {"Speak", "Blessed", "Echo"}

    # From a step on, over the run that has all before it. What has changed there does not
    # count, and this is said.
    said = run("--from", "Echo", "--set", "words=goodbye", "--set", "ending=.")
    assert said.startswith("0 ")
    assert "whatever has changed since: Blessed, Speak" in said
    assert "[2/2] EchoOfEcho: done" in said
    states = newest()
    assert states["Speak"] == "cached"
    assert (states["Echo"], states["EchoOfEcho"]) == ("complete", "complete")
    (made,) = (root / "artifacts" / "EchoOfEcho" / "said").glob("*/value")
    assert made.read_text() == "hello.?"
    trace = ["lineage", str(made), "--metadata", str(database)]
    assert re.search(r"EchoOfEcho(.|\n)*Echo(.|\n)*Speak", CliRunner().invoke(main, trace).output)

    # A newer run that lacks the steps before is passed over. (Here on a terminal.)
    screen = on_a_terminal("run", str(file), "--root", str(root), "--to", "Beside")
    assert screen.widest <= 80
    assert [line.split()[1] for line in screen.lines if line] == ["Beside"]
    assert "done" in screen.lines[0]
    # Of each step that ran there is a log of its own; a cached one keeps that of its work.
    logs = root / "logs"
    assert sorted(log.name for log in logs.iterdir()) == [
        *("Beside.txt", "Echo.txt", "EchoOfEcho.txt", "Speak.txt")
    ]
    assert "speaks: hello" in (logs / "Speak.txt").read_text()
    assert "repeats" not in (logs / "Speak.txt").read_text()
    assert "repeats with ." in (logs / "Echo.txt").read_text()
    assert "repeats with !" not in (logs / "Echo.txt").read_text()
    said = run("--from", "EchoOfEcho", "--to", "EchoOfEcho")
    assert said.startswith("0 ")
    assert "[1/1] EchoOfEcho: cached" in said

    # Cached, until a parameter of a step before changes; what is beside it stays cached.
    stored = database.read_bytes()
    same = planned("--set", "ending=.")
    assert same == {
        "Speak": "cached",
        "Beside": "cached",
        "Blessed": "looks up",
        "Echo": "cached",
        "EchoOfEcho": "cached",
    }
    changed = planned("--set", "words=goodbye", "--set", "ending=.")
    assert changed == {**same, "Speak": "will run", "Echo": "will run", "EchoOfEcho": "will run"}
    assert planned("--from", "EchoOfEcho", "--set", "words=goodbye") == {"EchoOfEcho": "cached"}
    assert database.read_bytes() == stored

    # To a whole run, what a part made is as good as its own.
    said = run("--set", "ending=.", "--quiet")
    assert said == "0 this is of a whole run\n"
    whole = CliRunner().invoke(
        main, ["run", str(file), "--root", str(root), "--set", "ending=.", "--json"]
    )
    events = [json.loads(line) for line in whole.stdout.splitlines()]
    ended = [one for one in events if one["event"] == "step_ended"]
    assert {one["step"]: one["outcome"] for one in ended} == {
        step: "done" if state == "looks up" else state for step, state in same.items()
    }
    assert events[-1]["event"] == "run_ended"

    # What the step needs was made, and is gone.
    shutil.rmtree(root / "artifacts" / "Echo")
    count = len(list_runs(open_store(database), pipeline="speech"))
    said = run("--from", "EchoOfEcho")
    assert "is gone" in said
    assert "--from Echo" in said
    assert len(list_runs(open_store(database), pipeline="speech")) == count


def test_a_runner_that_runs_whole_pipelines_only_refuses_a_part() -> None:
    for name in ("beam", "kubeflow-local"):
        with pytest.raises(UnsupportedOptionError, match=r"--from: the runner .* not accept it"):
            check_options(find_runner(name), {"from": "Trainer"})
        refused = CliRunner().invoke(main, ["run", "taxi", "--dry-run", "--runner", name])
        assert refused.exit_code == 1
        assert f"the runner {name} cannot tell what it would do" in refused.output
