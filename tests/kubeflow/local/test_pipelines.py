"""Ready pipelines, compiled, then run from their packages by the command of users."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
import yaml

from tfx_estimators.components.evaluator.report import load_report
from tfx_estimators.errors import TfxEstimatorsError
from tfx_estimators.kubeflow.local import run_package
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import CheckpointRecord, ModelRecord
from tfx_estimators.lineage.runs import find_run
from tfx_estimators.lineage.store import open_store
from tfx_estimators.pipelines.workspace import Workspace
from tfx_estimators.report.standing import Standing, standings
from tfx_estimators.report.subject import look_at

pytestmark = pytest.mark.slow

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "testdata"
MODULES = pathlib.Path(__file__).parent / "modules"
# Those of the nodes, the digest of the trips, and what says which steps were cached.
STEPS = 12


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "tfx_estimators.cli", *arguments]


@pytest.fixture(scope="module")
def taxi(tmp_path_factory, taxi_folder):
    root = tmp_path_factory.mktemp("taxi") / "root"
    shutil.copytree(taxi_folder, root.parent / "trips")
    return root, _run("taxi", root, root.parent / "trips")


def _run(pipeline: str, root: pathlib.Path, *data: pathlib.Path) -> subprocess.CompletedProcess:
    options = ["--runner", "kubeflow-local", "--root", str(root), *(f"--data={d}" for d in data)]
    answer = subprocess.run(
        _command("run", pipeline, *options), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    return answer


@pytest.mark.stacks
def test_taxi_gives_what_the_local_runner_gives(taxi) -> None:
    root, answer = taxi
    assert f"[{STEPS}/{STEPS}] " in answer.stderr
    assert answer.stderr.count(": done (") == STEPS
    assert "blessed      yes" in answer.stdout
    reference = json.loads((TESTDATA / "taxi_metrics.json").read_text())
    workspace = Workspace("taxi", root)
    report = load_report(workspace.made("EstimatorEvaluator").uri("evaluation"))
    assert report.blessed
    # CsvExampleGen's Reshuffle draws a 32-bit key an example; in one run of a hundred two
    # examples draw the same one, and all between them are read in another order.
    for name, most in (("auc", 0.0025), ("accuracy", 0.01)):
        assert report.overall().metrics[name] == pytest.approx(reference[name], abs=most)
    (pushed,) = (path for path in (root / "serving").iterdir() if path.name.isdigit())
    assert (pushed / "saved_model.pb").is_file()


@pytest.mark.stacks
def test_every_step_was_the_packages_command(taxi) -> None:
    root, _ = taxi
    spec = next(yaml.safe_load_all((root / "package.yaml").read_text()))
    executors = spec["deploymentSpec"]["executors"].values()
    commands = [held["container"]["command"] for held in executors]
    assert commands == [["python", "-m", "tfx_estimators.kubeflow.entrypoint"]] * STEPS
    logs = list(root.glob("artifacts/taxi-*/logs/*.1.txt"))
    assert len(logs) == STEPS
    of_nodes = [log for log in logs if not log.name.startswith(("CsvExampleGen-data", "run-rec"))]
    assert len(of_nodes) == STEPS - 2
    assert all("tfx_estimators.kubeflow.entrypoint.step" in log.read_text() for log in of_nodes)


@pytest.mark.stacks
def test_records_alone_make_the_same_graph(taxi, tmp_path) -> None:
    root, _ = taxi
    workspace, store = Workspace("taxi", root), tmp_path / "store.sqlite"
    folders = [str(root / "artifacts" / "records"), str(workspace.checkpoints)]
    subprocess.run(
        _command("import", *folders, "--metadata", str(store), "--create"),
        check=True,
        capture_output=True,
    )
    alone, after_run = (_models(place) for place in (store, workspace.metadata))
    assert alone == after_run
    (model,) = alone.values()
    assert model["blessed"] is True
    assert model["step"] == 400
    (version,) = model["versions"]
    assert pathlib.Path(version["destination"]) in workspace.serving.iterdir()
    made_from = _asked("lineage", version["version"], "--metadata", str(store))
    assert {"Model", "Examples", "Schema", CHECKPOINT_TYPE} <= {node["type"] for node in made_from}


def test_a_second_run_is_answered_from_the_cache_until_the_data_change(taxi) -> None:
    root, _ = taxi
    metadata = Workspace("taxi", root).metadata
    said = _run("taxi", root, root.parent / "trips").stderr
    cached = {line.split()[1] for line in said.splitlines() if line.endswith(": from the cache")}
    # As with the local runner: there is a model to compare with now, so a new blessing.
    again = {"BaselineModel", "EstimatorEvaluator", "EstimatorPredictor", "EstimatorPusher"}
    nodes = {
        "CsvExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator",
        "FeatureColumnTransform", "EstimatorTrainer", *again,
    }  # fmt: skip
    assert {name.rstrip(":") for name in cached} == nodes - again
    second, first = _asked("runs", "--metadata", str(metadata))
    assert {step["node"]: step["state"] for step in first["steps"]} == dict.fromkeys(
        nodes, "complete"
    )
    assert {step["node"]: step["state"] for step in second["steps"]} == {
        node: "complete" if node in again else "cached" for node in nodes
    }
    differences = _asked("diff", first["name"], second["name"], "--metadata", str(metadata))
    assert not [one for one in differences if one["about"] != "parameter"]
    (model,) = _models(metadata).values()
    assert model["step"] == 400

    with (root.parent / "trips" / "data.csv").open("a") as trips:
        trips.write((root.parent / "trips" / "data.csv").read_text().splitlines()[-1] + "\n")
    heard: list[str] = []

    def until_examples(line: str) -> None:
        heard.append(line)
        if line.startswith("[2/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_package(root / "package.yaml", root, say=until_examples)
    assert heard[-1] == f"[2/{STEPS}] CsvExampleGen"  # and not "from the cache"


def _add_tuner(pipeline: Any, root: pathlib.Path) -> None:
    """A search whose trials run side by side, each distributed."""
    from tfx.proto import trainer_pb2, tuner_pb2

    from tfx_estimators.components import EstimatorTuner
    from tfx_estimators.components.tuner import GridSearch
    from tfx_estimators.estimator.distribution import Mirrored

    nodes = {node.id: node for node in pipeline.components}
    transform = nodes["FeatureColumnTransform"]
    tuner = EstimatorTuner(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        feature_columns=transform.outputs["feature_columns"],
        module_file=str(MODULES / "tuned_digits.py"),
        search=GridSearch(),
        objective="average_loss",
        train_args=trainer_pb2.TrainArgs(num_steps=20),
        eval_args=trainer_pb2.EvalArgs(num_steps=2),
        tune_args=tuner_pb2.TuneArgs(num_parallel_trials=2),
        custom_config={"seed": 1, "batch_size": 64},
        distribution=Mirrored(("/cpu:0",)),
        checkpoint_store=str(root / "checkpoints"),
    )
    with pipeline._dsl_context_registry.temporary_mutable():
        pipeline._dsl_context_registry.put_node(tuner)
    pipeline.components = [*pipeline.components, tuner]


def _check_trials(root: pathlib.Path) -> None:
    """Every trial has trained, evaluated and reported with its own values."""
    (found, *_) = root.glob("artifacts/digits-*/EstimatorTuner/*/tuner_results/trials.json")
    told = json.loads(found.read_text())
    scores = {one["values"]["learning_rate"]: one["score"] for one in told["trials"]}
    assert scores.keys() == {0.0, 0.01}
    # Where nothing is learned, the loss stays what it was.
    assert scores[0.01] < scores[0.0]
    records = read_records(str(root / "checkpoints")).values()
    last = [r for r in records if isinstance(r, CheckpointRecord) and r.node == "EstimatorTuner"]
    assert len({r.fingerprint for r in last if r.step == 20}) == 2


def _check_report(root: pathlib.Path, nodes: set[str]) -> None:
    """All of a cached run is in its report, which the step made of copies and records alone."""
    (page,) = root.glob("artifacts/digits-*/report/html")
    text = page.read_text(encoding="utf-8")
    assert "could not be read" not in text
    sections = dict(re.findall(r'<section id="(\w+)".*?>(.*?)</section>', text, re.DOTALL))
    assert f"{len(nodes)} steps" in sections["pipeline"]
    assert f"{len(nodes)} of them taken from the cache" in sections["pipeline"]
    assert all(node in sections["pipeline"] for node in nodes)
    assert "Trials (2)" in sections["tuning"]
    assert "Loss by step: training goes from" in sections["training"]
    assert re.search(r'<th scope="row">60</th>', sections["training"])
    assert "Blessed" in sections["evaluation"]
    assert "examples that the evaluation read" in sections["predictions"]
    assert "2 features; examples" in sections["data"]
    assert "nothing differs" in sections["comparison"]
    assert "was made from:" in sections["lineage"]
    answer = json.loads((page.parent / "executor_output.json").read_text())
    (told,) = answer["artifacts"]["html"]["artifacts"]
    assert told["type"]["schemaTitle"] == "system.HTML"
    assert told["uri"].startswith("minio://mlpipeline/v2/digits-")


def _models(metadata: pathlib.Path) -> dict[str, dict]:
    """Models by uri, without what depends on the order in which they were imported."""
    found = {}
    for model in _asked("models", "--metadata", str(metadata)):
        versions = [{k: v for k, v in one.items() if k != "id"} for one in model["versions"]]
        kept = {k: v for k, v in model.items() if k not in ("id", "created")}
        found[model["uri"]] = kept | {"versions": versions}
    return found


def _asked(*arguments: str) -> list[dict]:
    answer = subprocess.run(_command(*arguments, "--json"), check=True, capture_output=True)
    return json.loads(answer.stdout)


def test_a_training_that_is_killed_goes_on_from_its_checkpoint(tmp_path) -> None:
    pipeline, data = str(MODULES / "interrupted_pipeline.py"), tmp_path / "data"
    (data / "points").mkdir(parents=True)
    rows = "".join(f"{number}.5\n" for number in range(100))
    (data / "points" / "points.csv").write_text(f"x\n{rows}")
    (data / "schema.pbtxt").write_text('feature { name: "x" type: FLOAT }')
    options = ["--runner", "kubeflow-local", "--root", str(tmp_path), "--data", str(data)]
    with subprocess.Popen(
        _command("run", pipeline, *options, "--json"), stdout=subprocess.PIPE, text=True
    ) as run:
        # It waits at step 30 to be killed.
        _wait_until(run, lambda: _standing(tmp_path)["EstimatorTrainer"].reached == 20)
        trainer = _standing(tmp_path)["EstimatorTrainer"]
        assert (trainer.state, trainer.wanted) == ("running", 40)
        assert _standing(tmp_path)["CsvExampleGen"].state == "complete"
        os.killpg(_process_of(tmp_path, "EstimatorTrainer"), signal.SIGKILL)
        said, _ = run.communicate(timeout=900)
    assert run.returncode == 0, said
    assert "EstimatorTrainer: failed (killed by SIGKILL), retrying" in said
    records = read_records(str(tmp_path / "checkpoints")).values()
    checkpoints = [r for r in records if isinstance(r, CheckpointRecord)]
    assert any(r.resumed_from for r in checkpoints)
    assert len({r.execution for r in checkpoints}) == 2
    models = [r for r in read_records(str(tmp_path)).values() if isinstance(r, ModelRecord)]
    assert {r.step for r in models} == {40}
    # What was killed runs no more, whatever it could say of it.
    (ran,) = _asked("runs", "--metadata", str(tmp_path))
    states = [step["state"] for step in ran["steps"] if step["node"] == "EstimatorTrainer"]
    assert (ran["state"], sorted(states)) == ("complete", ["complete", "failed"])
    events = [json.loads(line) for line in said.splitlines()]
    of_trainer = [one for one in events if one.get("step") == "EstimatorTrainer"]
    assert [one["event"] for one in of_trainer if one["event"] != "progress"] == [
        *("step_began", "step_runs", "step_runs", "step_ended")
    ]
    (*_, last) = (one for one in of_trainer if one["event"] == "progress")
    assert (last["done"], last["total"], last["unit"]) == (40, 40, "steps")
    assert last["fields"].keys() >= {"loss", "examples/s"}
    assert events[-1] == {**events[-1], "event": "run_ended", "failure": None}


def _wait_until(run: subprocess.Popen, condition) -> None:
    until = time.monotonic() + 900
    while True:
        assert run.poll() is None, run.stdout.read()
        assert time.monotonic() < until
        try:
            if condition():
                return
        except (TfxEstimatorsError, KeyError):
            pass  # Nothing is known yet of the run, or of the step.
        time.sleep(1)


def _standing(root: pathlib.Path) -> dict[str, Standing]:
    store = open_store(root)
    return {one.step: one for one in standings(look_at(store, find_run(store, "latest")))}


def _process_of(root: pathlib.Path, node: str) -> int:
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if f"--tfx_node={node}" in command and any(str(root) in part for part in command):
            return int(folder.name)
    raise AssertionError(f"no process runs {node}")


@pytest.mark.stacks
def test_digits_from_a_bucket_is_answered_from_the_cache_the_second_time(
    tmp_path, monkeypatch
) -> None:
    """Its steps see copies of their inputs, as with a pipeline root of minio://."""
    from tfx_estimators.kubeflow.package import compile_pipeline
    from tfx_estimators.pipelines.digits.pipeline import create_pipeline
    from tfx_estimators.pipelines.recording import record_run

    root, records = tmp_path / "root", tmp_path / "records"
    # A step sees no folder of the run: on a cluster this would be on a volume.
    monkeypatch.setenv("TFX_ESTIMATORS_RECORDS", str(records))
    pipeline = create_pipeline(root, train_steps=60, eval_steps=2)
    _add_tuner(pipeline, root)
    ran = []
    for report in (False, True):
        said: list[str] = []
        package = compile_pipeline(pipeline, image=None, cluster=False, report=report)
        package.write(root / "package.yaml")
        run_package(
            root / "package.yaml", root, pipeline_root="minio://mlpipeline/v2", say=said.append
        )
        ran.append({line.split()[1].rstrip(":") for line in said if ": done (" in line})
    assert ran[1] == {"ImportExampleGen-data", "run-record", "report"}
    nodes = ran[0] - ran[1]
    _check_trials(root)
    _check_report(root, nodes)
    record_run(pipeline, [str(records)])
    metadata = Workspace("digits", root).metadata
    second, first = _asked("runs", "--metadata", str(metadata))
    for run, state in ((first, "complete"), (second, "cached")):
        assert {step["node"]: step["state"] for step in run["steps"]} == dict.fromkeys(nodes, state)
    assert _asked("diff", first["name"], second["name"], "--metadata", str(metadata)) == []
    (model,) = _models(metadata).values()
    assert model["step"] == 60
    assert model["uri"].startswith(f"{root}/launcher/minio/mlpipeline/v2/digits-")
    (version,) = model["versions"]
    made_from = _asked("lineage", version["version"], "--metadata", str(metadata))
    assert {"Model", "Examples", "Schema", CHECKPOINT_TYPE} <= {node["type"] for node in made_from}
