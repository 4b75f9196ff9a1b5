"""The local runner: steps announced, cached ones named, failures explained."""

# No postponed annotations here: TFX reads those of component functions as objects.
import os
import pathlib
import subprocess
import sys
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.dsl.control_flow.for_each import ForEach
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import String

from tfx_estimators.components.resources import Accelerator, Resources, Retries, with_resources
from tfx_estimators.errors import DataError, MetadataStoreError, PipelineError
from tfx_estimators.lineage.outputs import latest_outputs
from tfx_estimators.lineage.store import open_store
from tfx_estimators.pipelines import late_operator, runner
from tfx_estimators.pipelines.recording import warned
from tfx_estimators.pipelines.runners import find_runner


@component
def Speak(words: Parameter[str], speech: OutputArtifact[String]) -> None:  # type: ignore[valid-type]
    if words == "unknown trouble":
        raise RuntimeError("the disk caught fire")
    if words.startswith("spoil "):
        pathlib.Path(words.removeprefix("spoil ")).write_bytes(b"no store any more" * 1000)
        raise RuntimeError("the disk caught fire")
    if words.startswith("remove "):
        pathlib.Path(words.removeprefix("remove ")).unlink()
    if words == "leave":
        os._exit(0)
    if words == "interrupt":
        raise KeyboardInterrupt
    if words == "bad data":
        raise DataError("feature 'fare' came as text", expected="a number", fix="look")
    with fileio.open(speech.uri, "w") as file:
        file.write(words)


@component
def Look(at: Parameter[str], seen: OutputArtifact[String]) -> None:  # type: ignore[valid-type]
    counter = pathlib.Path(at)
    counter.write_text(counter.read_text() + "I" if counter.exists() else "I")
    if len(counter.read_text()) < 3:
        raise RuntimeError("still dark")
    processors = len(os.sched_getaffinity(0))
    with fileio.open(seen.uri, "w") as file:
        file.write(f"{os.environ['CUDA_VISIBLE_DEVICES']} {os.environ['COLOUR']} {processors}")


@component
def Repeat(speech: InputArtifact[String], again: OutputArtifact[String]) -> None:  # type: ignore[valid-type]
    with fileio.open(again.uri, "w") as file:
        file.write(speech.read())


@component(use_beam=True)
def Count(
    counted: OutputArtifact[String],  # type: ignore[valid-type]
    unused: BeamComponentParameter[beam.Pipeline] = None,  # type: ignore[valid-type]
) -> None:
    with fileio.open(counted.uri, "w") as file:
        file.write("3")


class EveryArtifact(ResolverStrategy):  # type: ignore[misc]
    """All artifacts of a pipeline, of whatever run."""

    def resolve_artifacts(self, store: Any, input_dict: Any) -> Any:
        return input_dict


def _pipeline(root: pathlib.Path, words: str, name: str = "speech") -> Any:
    return Pipeline(
        pipeline_name=name,
        pipeline_root=str(root / "artifacts"),
        components=[Speak(words=words)],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(root / "deep" / "down" / "metadata.sqlite")
        ),
    )


@pytest.mark.stacks
@pytest.mark.parametrize("kind", ["local", "beam"])
def test_steps_are_announced_and_a_second_run_says_cached(
    kind: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find_runner(kind).run(_pipeline(tmp_path, "hello"), tmp_path)
    assert "[1/1] Speak: done" in capsys.readouterr().err
    first = latest_outputs(tmp_path / "deep/down/metadata.sqlite", "speech", "Speak")
    assert not first.cached
    assert pathlib.Path(first.uri("speech")).read_text() == "hello"

    find_runner(kind).run(_pipeline(tmp_path, "hello"), tmp_path)
    assert "[1/1] Speak: cached" in capsys.readouterr().err
    second = latest_outputs(tmp_path / "deep/down/metadata.sqlite", "speech", "Speak")
    assert second.cached
    assert second.uri("speech") == first.uri("speech")

    find_runner(kind).run(_pipeline(tmp_path, "goodbye"), tmp_path)
    assert "[1/1] Speak: done" in capsys.readouterr().err


@pytest.mark.stacks
def test_a_stock_beam_step_has_less_overhead(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lowered: list[str] = []
    monkeypatch.setattr(late_operator, "lower_beam_overhead", lambda: lowered.append("here"))
    pipeline = _pipeline(tmp_path, "hello")
    pipeline.components = [*pipeline.components, Count()]
    find_runner("local").run(pipeline, tmp_path)
    assert lowered == ["here"]


def test_outputs_are_found_by_the_component_whatever_its_id(tmp_path: pathlib.Path) -> None:
    pipeline = _pipeline(tmp_path, "hello")
    pipeline.components = [Speak(words="hello").with_id("Talk")]
    runner.run(pipeline)
    other = _pipeline(tmp_path, "goodbye", name="speech.v2")
    other.components = [Speak(words="goodbye").with_id("Talk")]
    runner.run(other)
    database = tmp_path / "deep/down/metadata.sqlite"
    by_class = latest_outputs(database, "speech", "Speak")
    assert by_class == latest_outputs(database, "speech", "Talk")
    assert pathlib.Path(by_class.uri("speech")).read_text() == "hello"


def test_a_failing_step_is_named_and_nothing_is_published(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PipelineError, match=r"Speak failed: RuntimeError: the disk caught fire"):
        runner.run(_pipeline(tmp_path, "unknown trouble"))
    with pytest.raises(PipelineError, match="Speak of the pipeline speech has not finished"):
        latest_outputs(tmp_path / "deep/down/metadata.sqlite", "speech", "Speak")


def test_a_step_that_ends_the_process_has_failed(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PipelineError, match=r"Speak failed: its code called sys\.exit\(0\)"):
        runner.run(_pipeline(tmp_path, "leave"))


def test_a_step_whose_inputs_tfx_cannot_resolve_fails_the_run(tmp_path: pathlib.Path) -> None:
    once = _pipeline(tmp_path, "hello")
    runner.run(once)
    # A cached step's output is not in the store twice, hence other words.
    again = _pipeline(tmp_path, "goodbye")
    every = Resolver(EveryArtifact, speech=Channel(type=String)).with_id("every")
    with ForEach(every.outputs["speech"]) as one:
        repeat = Repeat(speech=one).with_id("repeat")
    every.add_upstream_node(again.components[0])
    again.components = [*again.components, every, repeat]
    with pytest.raises(PipelineError, match=r"repeat was not run: .*more than one input"):
        runner.run(again)


def test_a_pipeline_within_a_pipeline_is_refused_before_anything_runs(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outer = _pipeline(tmp_path, "hello")
    outer.components = [Pipeline("inner", str(tmp_path), components=outer.components)]
    with pytest.raises(PipelineError, match="the nodes inner are pipelines themselves"):
        runner.run(outer)
    assert "[1/1]" not in capsys.readouterr().err


def test_what_a_step_failed_with_comes_before_what_metadata_failed_with(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "deep" / "down" / "metadata.sqlite"
    with pytest.raises(PipelineError, match=r"Speak failed: RuntimeError: the disk caught fire"):
        runner.run(_pipeline(tmp_path, f"spoil {store}"))
    assert "warning: ML Metadata" in capsys.readouterr().err
    # The next run cannot use it, and says so before it runs anything.
    with pytest.raises(MetadataStoreError, match="cannot be read as a store"):
        runner.run(_pipeline(tmp_path, "hello"))
    assert "[1/1]" not in capsys.readouterr().err


def test_what_cannot_be_told_of_a_run_does_not_fail_it() -> None:
    said: list[str] = []
    with warned("the checkpoints are not in ML Metadata yet", said.append):
        raise tf.errors.PermissionDeniedError(None, None, "the token has expired")
    assert said == ["warning: the checkpoints are not in ML Metadata yet: the token has expired"]


def test_a_metadata_file_that_is_removed_during_a_run_is_said(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "deep" / "down" / "metadata.sqlite"
    with pytest.raises(PipelineError):
        runner.run(_pipeline(tmp_path, f"remove {store}"))
    assert f"{store} was removed or replaced during the run" in capsys.readouterr().err
    # The next run begins with a store of its own.
    runner.run(_pipeline(tmp_path, "hello"))
    assert latest_outputs(store, "speech", "Speak").uri("speech")


def test_no_step_is_left_running(tmp_path: pathlib.Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        runner.run(_pipeline(tmp_path, "interrupt"))
    store = open_store(tmp_path / "deep/down/metadata.sqlite", write=True)
    (execution,) = store.get_executions()
    assert execution.last_known_state == execution.FAILED
    # As a process that was killed leaves it; no process has this number.
    noted = execution.custom_properties["tfx_estimators.process"]
    noted.string_value = f"{noted.string_value.partition('/')[0]}/{1 << 30}/1.5"
    execution.last_known_state = execution.RUNNING
    store.put_executions([execution])
    runner.run(_pipeline(tmp_path, "hello"))
    states = {one.id: one.last_known_state for one in store.get_executions()}
    assert states.pop(execution.id) == execution.FAILED
    assert set(states.values()) == {execution.COMPLETE}


def test_our_own_errors_come_through_as_they_are(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match="feature 'fare' came as text"):
        runner.run(_pipeline(tmp_path, "bad data"))


def test_tfx_gets_its_launcher_back(tmp_path: pathlib.Path) -> None:
    before = launcher.Launcher
    with pytest.raises(PipelineError):
        runner.run(_pipeline(tmp_path, "unknown trouble"))
    assert launcher.Launcher is before


def test_a_store_that_is_not_there_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PipelineError, match=r"no metadata store at .*nowhere\.sqlite"):
        latest_outputs(tmp_path / "nowhere.sqlite", "speech", "Speak")
    assert not (tmp_path / "nowhere.sqlite").exists()


@pytest.mark.stacks
def test_a_step_gets_its_variables_devices_processors_and_retries(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLOUR", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    look = with_resources(
        Look(at=str(tmp_path / "counter")),
        Resources(
            cpu="500m",
            accelerator=Accelerator("nvidia.com/gpu", 2),
            environment={"COLOUR": "blue"},
            retries=Retries(2, seconds=0.1),
        ),
    )
    pipeline = _pipeline(tmp_path, "hello")
    pipeline.components = [*pipeline.components, look]
    before = os.sched_getaffinity(0)
    runner.run(pipeline)
    assert capsys.readouterr().err.count("RuntimeError: still dark; retrying in 0.") == 2
    seen = latest_outputs(tmp_path / "deep/down/metadata.sqlite", "speech", "Look").uri("seen")
    assert pathlib.Path(seen).read_text() == "4,5 blue 1"
    assert "COLOUR" not in os.environ
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,5,6"
    assert os.sched_getaffinity(0) == before


CACHED = """
import pathlib, sys
from tfx_estimators.pipelines.catalog import build_pipeline, load_pipeline_module
from tfx_estimators.pipelines.runners import find_runner

module, root, data = sys.argv[1:]
definition = build_pipeline(load_pipeline_module(module), pathlib.Path(root), pathlib.Path(data))
find_runner("local").run(definition, pathlib.Path(root))
print(*[name for name in ("apache_beam", "tensorflow", "pandas") if name in sys.modules])
"""
READS = """
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx_estimators.components import CsvExampleGen


def create_pipeline(root, data):
    return Pipeline(
        pipeline_name="reads",
        pipeline_root=str(root / "artifacts"),
        components=[CsvExampleGen(input_base=str(data))],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(root / "metadata.sqlite")
        ),
    )
"""


@pytest.mark.stacks
def test_a_run_in_which_every_step_is_cached_imports_no_library_that_runs_steps(
    tmp_path: pathlib.Path, taxi_folder: pathlib.Path
) -> None:
    module, root = tmp_path / "reads.py", tmp_path / "root"
    module.write_text(READS)
    root.mkdir()
    said = []
    for _ in range(2):
        answer = subprocess.run(
            [sys.executable, "-c", CACHED, str(module), str(root), str(taxi_folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr[-3000:]
        said.append(answer.stdout.splitlines()[-1].split())
    assert "cached" in answer.stderr
    assert said == [["apache_beam", "tensorflow", "pandas"], []]
