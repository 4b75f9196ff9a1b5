"""What the questions print: whole where it fits, by names that other commands take."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
from typing import Any

import pytest
from click.testing import CliRunner
from ml_metadata.proto import metadata_store_pb2 as mlmd

from tfx_estimators.cli import main
from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.models import find_model, list_models
from tfx_estimators.lineage.records import ArtifactRecord
from tfx_estimators.lineage.runs import find_run, list_runs
from tfx_estimators.lineage.store import open_store


def ask(*arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def place(world: Any, told: Any) -> list[str]:
    told()
    return ["--metadata", str(world.database)]


def differences(place: list[str], *runs: str) -> dict[str, Any]:
    return {one["name"]: one for one in json.loads(ask("diff", *runs, *place, "--json"))}


def evaluated(world: Any, told: Any, run: str, at: float, node: str, auc: float) -> str:
    """A run with an evaluation, as the evaluator leaves it; its folder."""
    folder = world.records.parent / f"evaluation-{run}"
    folder.mkdir()
    slices = [
        {"slice": name, "metrics": {"auc": auc, "count": 7.0}} for name in ("overall", "b: 1")
    ]
    (folder / "report.json").write_text(json.dumps({"slices": slices}))
    made = ArtifactRecord(key="evaluation", type="ModelEvaluation", uri=str(folder))
    world.step(run, node, at, outputs=(made,), parameters={"fairness": "none"})
    told()
    return str(folder)


def test_a_difference_has_a_delta_and_overall_comes_first(
    world: Any, told: Any, place: list[str]
) -> None:
    evaluated(world, told, "run-1", 14.0, "Evaluator", 0.5)
    evaluated(world, told, "run-2", 24.0, "Evaluator", 0.75)
    found = differences(place, "run-1", "run-2")
    assert found["overall auc"]["delta"] == 0.25
    names = [name for name, one in found.items() if one["about"] == "metric"]
    assert names[:2] == ["overall auc", "b: 1 auc"]
    assert re.search(r"overall auc +0\.5 +0\.75 +\+0\.25", ask("diff", "run-1", "run-2", *place))


def test_what_two_searches_chose_is_compared_and_their_scores_are_shown(
    world: Any, told: Any, place: list[str]
) -> None:
    for run, at, rate in (("run-1", 14.0, 0.5), ("run-2", 24.0, 0.25)):
        folder = world.records.parent / f"best-{run}"
        folder.mkdir()
        chosen = {"space": [], "values": {"rate": rate, "layers": 2}}
        (folder / "best_hyperparameters.txt").write_text(json.dumps(chosen))
        best = ArtifactRecord(
            key="best_hyperparameters",
            type="HyperParameters",
            uri=str(folder),
            properties={"objective": "auc", "score": 0.8, "trials": 9},
        )
        world.step(run, "EstimatorTuner", at, outputs=(best,))
    told()
    found = differences(place, "run-1", "run-2")
    assert found["hyperparameters.rate"]["delta"] == -0.25
    assert "hyperparameters.layers" not in found
    shown = ask("lineage", str(world.records.parent / "best-run-2"), *place)
    assert "objective=auc score=0.8 trials=9" in shown


def test_a_renamed_step_is_compared_with_what_it_was(
    world: Any, told: Any, place: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    evaluated(world, told, "run-1", 14.0, "Evaluator", 0.5)
    evaluated(world, told, "run-2", 24.0, "EstimatorEvaluator", 0.5)
    found = differences(place, "run-1", "run-2")
    assert not [name for name in found if "fairness" in name]
    (pathlib.Path(world.records.parent) / "evaluation-run-2/report.json").write_text("[[")
    assert differences(place, "run-1", "run-2")["overall auc"]["right"] is None
    assert "evaluation-run-2/report.json cannot be read" in caplog.text


def test_a_cached_run_has_what_the_run_it_stands_for_has(world: Any, place: list[str]) -> None:
    store = open_store(world.database, write=True)
    original = find_run(store, "run-2")
    outputs = Graph(store).outputs(step.id for step in original.steps)
    run = mlmd.Context(type_id=store.get_context_type("pipeline_run").id, name="cached")
    for step in original.steps:
        (execution,) = store.get_executions_by_id([step.id])
        contexts = [c for c in store.get_contexts_by_execution(step.id) if c.type != "pipeline_run"]
        copy = mlmd.Execution(type_id=execution.type_id, last_known_state=mlmd.Execution.CACHED)
        artifacts = [
            a for a in store.get_artifacts_by_id(outputs.get(step.id, []))
            if a.type != "tfx_estimators.Checkpoint"
        ]  # fmt: skip
        events = [(a, mlmd.Event(type=mlmd.Event.OUTPUT)) for a in artifacts]
        store.put_execution(copy, events, [*contexts, run], True)
    assert find_run(store, "cached").steps[0].state == "cached"
    assert differences(place, "run-2", "cached") == {}
    assert differences(place, "run-1", "cached") == differences(place, "run-1", "run-2")


def test_every_reading_of_a_span_is_followed(world: Any, told: Any, place: list[str]) -> None:
    again = ArtifactRecord(
        key="examples", type="Examples", uri="/data/again", properties={"span": 7}
    )
    model = ArtifactRecord(key="model", type="Model", uri="/again/model")
    made = ArtifactRecord(key="t", type="Examples", uri="/transformed", properties={"span": 7})
    world.step("run-3", "Gen", 30.0, outputs=(again,))
    world.step("run-3", "Transform", 31.0, inputs=(again,), outputs=(made,))
    world.step("run-3", "Trainer", 32.0, inputs=(made,), outputs=(model,))
    told()
    nodes = json.loads(ask("lineage", "span:7", "--down", *place, "--json"))
    assert [node["uri"] for node in nodes[:2]] == ["/data/examples", "/data/again"]
    models = [node["uri"] for node in nodes if node["type"] == "Model"]
    assert models == ["/run-1/model", "/run-2/model", "/again/model"]
    assert ask("lineage", "span:7", "--down", *place).count("/again/model") == 1


def test_runs_below_runs_are_all_listed_and_found(
    world: Any, place: list[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # As ready pipelines have it, and as a pipeline of one's own.
    for name in ("runs/one/metadata", "runs/two"):
        pathlib.Path(name).mkdir(parents=True)
        shutil.copy(world.database, f"{name}/metadata.sqlite")
    store = open_store("runs/two", write=True)
    (context,) = [c for c in store.get_contexts_by_type("pipeline_run") if c.name == "run-2"]
    context.name = "other"
    store.put_contexts([context])
    os.utime("runs/two/metadata.sqlite", (1, 1))
    listed = ask("runs")
    assert listed.count("run-1") == 2
    assert "other" in listed
    assert "runs/two/metadata.sqlite" in listed
    assert "other  (small" in ask("runs", "other")
    pathlib.Path("runs/torn").mkdir()
    pathlib.Path("runs/torn/metadata.sqlite").write_text("no database" * 100)
    assert ask("runs") == listed
    # As many differences between stores as in one.
    assert len(differences([], "run-1", "other")) == len(differences(place, "run-1", "run-2"))


def test_a_run_after_the_clock_was_set_back_is_the_newest(
    world: Any, told: Any, place: list[str]
) -> None:
    world.step("run-3", "Gen", 1.0)
    told()
    listed = [run["name"] for run in json.loads(ask("runs", *place, "--json"))]
    assert listed == ["run-3", "run-2", "run-1"]
    assert json.loads(ask("runs", "latest", *place, "--json"))["name"] == "run-3"
    assert json.loads(ask("runs", "--limit", "1", *place, "--json"))[0]["name"] == "run-3"


def test_what_a_notebook_ran_is_one_run(tmp_path: pathlib.Path) -> None:
    """TFX's InteractiveContext gives each step a run of its own."""
    store = open_store(tmp_path / "metadata.sqlite", write=True, create=True)
    properties = dict.fromkeys(("component_id", "run_id", "depth"), mlmd.STRING)
    kind = mlmd.ExecutionType(name="a.Step", properties=properties)
    kind.id = store.put_execution_type(kind)
    contexts = {}
    for name in ("pipeline", "run", "component_run"):
        contexts[name] = store.put_context_type(mlmd.ContextType(name=name))
    for number, node in enumerate(("Gen", "Trainer", "Trainer")):
        run = f"book.{number}"
        execution = mlmd.Execution(type_id=kind.id, last_known_state=3)
        for name, value in {"component_id": node, "run_id": run, "depth": str(number)}.items():
            execution.properties[name].string_value = value
        names = {"pipeline": "book", "run": run, "component_run": f"{run}.{node}"}
        store.put_execution(
            execution,
            [],
            [
                mlmd.Context(type_id=contexts[type_name], name=name)
                for type_name, name in names.items()
            ],
            reuse_context_if_already_exist=True,
        )
    place = ["--metadata", str(tmp_path / "metadata.sqlite")]
    (run,) = json.loads(ask("runs", *place, "--json"))
    assert (run["name"], run["pipeline"], run["state"]) == ("book", "book", "complete")
    assert [step["node"] for step in run["steps"]] == ["Gen", "Trainer", "Trainer"]
    assert run["steps"][2]["parameters"] == {"depth": "2"}
    for name in ("latest", "book"):
        assert json.loads(ask("runs", name, *place, "--json"))["name"] == "book"


def test_the_number_of_a_step_finds_its_run(place: list[str]) -> None:
    number = re.search(r"^(\d+) +Trainer", ask("runs", "run-2", *place), re.M)
    assert number is not None
    assert ask("runs", number[1], *place) == ask("runs", "run-2", *place)


def test_tables_fit_and_say_what_was_cut(world: Any, told: Any, place: list[str]) -> None:
    long = ArtifactRecord(key="model", type="Model", uri=f"/{'very/' * 40}long/model")
    world.step("run-3", "Trainer", 32.0, outputs=(long,))
    told()
    table = ask("models", *place)
    assert max(map(len, table.splitlines())) <= 100
    assert "long/model\n" in table
    assert "(cut to 100 columns at ...; --json shows all of it)" in table
    assert "cut to" not in ask("runs", *place)


def test_one_thing_is_shown_without_pythons_own_spelling(place: list[str]) -> None:
    shown = ask("models", "101", *place) + ask("checkpoints", "--json", *place)
    assert "101 in /serving/101" in shown or "101 (served) in /serving/101" in shown
    assert not re.search(r"\(\{|\{'|Version\(|True|None", shown)


def test_a_verdict_that_says_nothing_is_none(world: Any, place: list[str]) -> None:
    store = open_store(world.database, write=True)
    type_id = store.put_artifact_type(mlmd.ArtifactType(name="ModelBlessing"))
    model = find_model(store, "101")
    readers = Graph(store).consumers([model.id])[model.id]
    blessing = mlmd.Artifact(type_id=type_id, uri="/blessing")
    (number,) = store.put_artifacts([blessing])
    event = mlmd.Event(artifact_id=number, execution_id=readers[0], type=mlmd.Event.OUTPUT)
    store.put_events([event])
    assert {one.blessed for one in list_models(store)} == {None}


def test_runs_of_a_pipeline_describes_no_more_than_it_shows(world: Any, place: list[str]) -> None:
    store = open_store(world.database, write=True)
    types = {c: store.get_context_type(c).id for c in ("pipeline_run", "pipeline")}
    type_id = store.put_execution_type(mlmd.ExecutionType(name="Step"))
    for number in range(300):
        run = mlmd.Context(type_id=types["pipeline_run"], name=f"other-{number}")
        of = mlmd.Context(type_id=types["pipeline"], name="other")
        store.put_execution(mlmd.Execution(type_id=type_id), [], [run, of], True)
    asked: list[int] = []
    client = store._client
    ask_client = client.get_executions_by_context
    client.get_executions_by_context = lambda number, **options: (
        asked.append(number), ask_client(number, **options))[1]  # fmt: skip
    for _ in range(2):
        asked.clear()
        assert [run.name for run in list_runs(store, pipeline="other", limit=2)] == [
            "other-299", "other-298",
        ]  # fmt: skip
        assert len(asked) <= 4
        store.database = None  # As of a server: the tables cannot be asked.
    assert {run.name for run in list_runs(store, pipeline="small")} == {"run-1", "run-2"}
