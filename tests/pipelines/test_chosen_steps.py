"""--from and --to: a part of a pipeline, over what an earlier run made."""

import pathlib
import re
import shutil

import pytest
from click.testing import CliRunner

from tfx_estimators.cli import main
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.lineage.runs import list_runs
from tfx_estimators.lineage.store import open_store
from tfx_estimators.pipelines.runners import find_runner
from tfx_estimators.pipelines.runners.registry import check_options

# No postponed annotations there: TFX reads those of component functions as objects.
PIPELINE = """
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
    pathlib.Path(speech.uri).write_text(words)


@component
def Repeat(heard: InputArtifact[String], ending: Parameter[str], said: OutputArtifact[String]):
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

    # A newer run that lacks the steps before is passed over.
    assert run("--to", "Beside").startswith("0 ")
    said = run("--from", "EchoOfEcho", "--to", "EchoOfEcho")
    assert said.startswith("0 ")
    assert "[1/1] EchoOfEcho: cached" in said

    # To a whole run, what a part made is as good as its own.
    said = run("--set", "ending=.")
    assert "EchoOfEcho: cached" in said
    assert "this is of a whole run" in said

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
