"""`EstimatorTrainer(distribution=...)`: a step that trains in several processes."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.artifacts import FeatureColumns
from tfx_estimators.errors import (
    EmptySplitError,
    TrainingError,
    TrainingInterruptedError,
    UnsupportedOptionError,
)
from tfx_estimators.estimator.distribution import (
    Accelerators,
    Mirrored,
    MultiWorker,
    ParameterServer,
)
from tfx_estimators.estimator.distribution.ports import reserve_ports
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import CheckpointRecord, ModelRecord

MODULES = pathlib.Path(__file__).parent / "modules"
STEPS = 8
BATCH = 16
CONFIG = {"seed": 5, "batch_size": BATCH, "run_config": {"save_checkpoints_steps": 2}}


@pytest.fixture(scope="module")
def transformed(
    run_pipeline: Any, import_artifacts: Callable[[], list[Any]], importable_modules: None
) -> dict[str, Artifact]:
    """What a FeatureColumnTransform made of the points."""
    from tfx_estimators.components import FeatureColumnTransform

    examples, schema, _ = import_artifacts()
    transform = FeatureColumnTransform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        module_file=str(MODULES / "cluster_module.py"),
        label_key="y",
    )
    made = run_pipeline([examples, schema, transform]).artifacts / transform.id
    kinds = {
        "transformed_examples": standard_artifacts.Examples,
        "transform_graph": standard_artifacts.TransformGraph,
        "feature_columns": FeatureColumns,
    }
    found = {}
    for key, kind in kinds.items():
        found[key] = kind()
        found[key].uri = str(next((made / key).iterdir()))
    splits = artifact_utils.encode_split_names(["train", "eval"])
    found["transformed_examples"].split_names = splits
    return found


@pytest.fixture
def train(execute: Any, channel: Any, transformed: dict[str, Artifact]) -> Callable[..., Any]:
    """Trains in the processes of a policy; gives the outputs by key."""
    from tfx.proto import trainer_pb2

    from tfx_estimators.components import EstimatorTrainer

    def run(policy: Any, *, examples: Artifact | None = None, steps: int = STEPS) -> Any:
        component = EstimatorTrainer(
            examples=channel(standard_artifacts.Examples),
            transform_graph=channel(standard_artifacts.TransformGraph),
            feature_columns=channel(FeatureColumns),
            module_file=str(MODULES / "cluster_module.py"),
            train_args=trainer_pb2.TrainArgs(num_steps=steps),
            custom_config=CONFIG,
            distribution=policy,
        )
        return execute(
            component,
            {
                "examples": examples or transformed["transformed_examples"],
                "transform_graph": transformed["transform_graph"],
                "feature_columns": transformed["feature_columns"],
            },
        )

    return run


@pytest.fixture
def known(tmp_path: pathlib.Path) -> Callable[[], list[Any]]:
    """Records in the checkpoint store, in the order they were written."""

    def read() -> list[Any]:
        (folder,) = [path for path in (tmp_path / "checkpoints").iterdir() if path.is_dir()]
        found = read_records(str(folder)).values()
        return sorted(found, key=lambda record: record.wall_time)

    return read


def check_published(outputs: Any, known: Callable[[], list[Any]], *, examples: int) -> None:
    """A model to serve, its checkpoint's record, and no trace of other processes."""
    serving = pathlib.Path(outputs["model"].uri, "Format-Serving")
    predict = tf.saved_model.load(str(serving)).signatures["predict"]
    assert predict.structured_input_signature
    found = known()
    checkpoints = {record.step: record for record in found if isinstance(record, CheckpointRecord)}
    last = checkpoints[max(checkpoints)]
    assert last.step >= STEPS
    assert last.global_examples >= examples
    assert "auc" in last.metrics
    (model,) = [record for record in found if isinstance(record, ModelRecord)]
    assert model.checkpoint_digest == last.digest
    run = pathlib.Path(outputs["model_run"].uri)
    (state,) = run.rglob("checkpoint")
    newest = tf.train.latest_checkpoint(str(state.parent))
    assert tf.train.load_variable(newest, "global_step") == last.step
    assert not list(run.rglob("tmp_*"))


@pytest.mark.slow
@pytest.mark.stacks
@pytest.mark.conformance("MirroredStrategy")
def test_mirrored(train: Any, known: Any, capfd: pytest.CaptureFixture[str]) -> None:
    devices = ("/cpu:0", "/cpu:1")
    outputs = train(Mirrored(devices, accelerators=Accelerators(count=2)))
    check_published(outputs, known, examples=STEPS * 2 * BATCH)
    assert "2 GPU requested, 0 found: training on the CPU" in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.stacks
@pytest.mark.conformance("MultiWorkerMirroredStrategy")
def test_a_worker_that_dies_is_named_and_its_training_goes_on(
    train: Any,
    known: Any,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HARM", f"worker-1 SIGKILL 5 {tmp_path / 'harmed'}")
    with pytest.raises(TrainingError) as died:
        train(MultiWorker(2))
    assert "worker-1 was ended by SIGKILL" in str(died.value)
    assert "about to end" in str(died.value)
    step = max(record.step for record in known())
    assert step in (2, 4)  # The chief may have been writing the second one.
    outputs = train(MultiWorker(2))
    assert f"going on from step {step}" in capfd.readouterr().err
    check_published(outputs, known, examples=STEPS * 2 * BATCH)
    logs = {path.name for path in pathlib.Path(outputs["model_run"].uri, "logs").iterdir()}
    assert logs == {"worker-0.log", "worker-1.log", "trainer-0.log"}


@pytest.mark.slow
@pytest.mark.stacks
def test_a_worker_that_stands_still_ends_the_step_and_its_training_goes_on(
    train: Any, known: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARM", f"worker-1 SIGSTOP 5 {tmp_path / 'harmed'}")
    with pytest.raises(TrainingError, match="the workers have lost each other"):
        train(MultiWorker(2))
    assert max(record.step for record in known()) in (2, 4)
    check_published(train(MultiWorker(2)), known, examples=STEPS * 2 * BATCH)


@pytest.mark.slow
@pytest.mark.stacks
def test_sigterm_saves_first_and_ends_every_process(
    train: Any, known: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARM", f"worker-1's-parent SIGTERM 5 {tmp_path / 'harmed'}")
    with pytest.raises(TrainingInterruptedError, match="stopped by SIGTERM"):
        train(MultiWorker(2), steps=100_000)
    saved = [record.step for record in known() if record.kept]
    log = next((tmp_path / "checkpoints").glob("*/logs/worker-0.log")).read_text()
    assert f"stopped by SIGTERM at step {max(saved)}, which was saved" in log
    assert not children(os.getpid(), "components.trainer.processes.task")


def children(parent: int, named: str) -> list[str]:
    """Command lines of a process's children that have something in them."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):  # It has ended meanwhile.
            if f"PPid:\t{parent}\n" in status.read_text():
                found.append(status.with_name("cmdline").read_bytes().decode(errors="replace"))
    return [command for command in found if named in command]


@pytest.mark.slow
@pytest.mark.stacks
@pytest.mark.conformance("ParameterServerStrategy")
def test_parameter_server(train: Any, known: Any) -> None:
    outputs = train(ParameterServer(workers=2, parameter_servers=1))
    check_published(outputs, known, examples=STEPS * BATCH)
    logs = {path.name for path in pathlib.Path(outputs["model_run"].uri, "logs").iterdir()}
    kinds = {"chief-0", "worker-0", "worker-1", "ps-0", "evaluator-0", "trainer-0"}
    assert logs == {f"{kind}.log" for kind in kinds}


@pytest.mark.slow
@pytest.mark.stacks
def test_a_cluster_that_is_there_is_joined(
    train: Any, known: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a cluster of one, as it takes this step alone to do all of its parts."""
    ((port,), task) = (reserve_ports(1), {"type": "worker", "index": 0})
    around = {"cluster": {"worker": [f"127.0.0.1:{port}"]}, "task": task}
    monkeypatch.setenv("TF_CONFIG", json.dumps(around))
    outputs = train(MultiWorker(3))
    check_published(outputs, known, examples=STEPS * BATCH)
    logs = {path.name for path in pathlib.Path(outputs["model_run"].uri, "logs").iterdir()}
    assert logs == {"worker-0.log", "trainer-0.log"}


@pytest.mark.slow
@pytest.mark.stacks
def test_a_module_with_trainer_fn(
    execute: Any,
    channel: Any,
    points: Artifact,
    schema_folder: pathlib.Path,
    known: Any,
) -> None:
    from tfx.proto import trainer_pb2

    from tfx_estimators.components import EstimatorTrainer

    component = EstimatorTrainer(
        examples=channel(standard_artifacts.Examples),
        schema=channel(standard_artifacts.Schema),
        module_file=str(MODULES / "trainer_fn_cluster_module.py"),
        train_args=trainer_pb2.TrainArgs(num_steps=STEPS),
        distribution=MultiWorker(2),
    )
    schema = standard_artifacts.Schema()
    schema.uri = str(schema_folder)
    outputs = execute(component, {"examples": points, "schema": schema})
    check_published(outputs, known, examples=0)


@pytest.mark.stacks
@pytest.mark.conformance("batch rule")
def test_workers_without_data_are_refused_before_anything_starts(
    train: Any, known: Any, transformed: Any, make_examples: Any, tmp_path: pathlib.Path
) -> None:
    uri = transformed["transformed_examples"].uri
    files = sorted(map(str, pathlib.Path(uri, "Split-train").iterdir()))
    one, two = list(tf.data.TFRecordDataset(files, "GZIP").take(2).as_numpy_iterator())
    few = make_examples(tmp_path / "few", {"train": [one, two], "eval": [one]})
    with pytest.raises(EmptySplitError, match="2 examples for 3 training processes"):
        train(MultiWorker(3), examples=few)
    assert known() == []


@pytest.mark.stacks
@pytest.mark.parametrize(
    ("module", "policy", "steps", "named"),
    [
        ("run_module.py", MultiWorker(2), 5, "run_module.py"),
        ("cluster_module.py", MultiWorker(2), 0, "no number of steps"),
    ],
)
def test_what_cannot_be_distributed_is_refused_when_the_pipeline_is_made(
    channel: Any, module: str, policy: Any, steps: int, named: str
) -> None:
    from tfx.proto import trainer_pb2

    from tfx_estimators.components import EstimatorTrainer

    with pytest.raises(UnsupportedOptionError, match=named):
        EstimatorTrainer(
            examples=channel(standard_artifacts.Examples),
            transform_graph=channel(standard_artifacts.TransformGraph),
            feature_columns=channel(FeatureColumns),
            module_file=str(MODULES / module),
            train_args=trainer_pb2.TrainArgs(num_steps=steps),
            distribution=policy,
        )


@pytest.mark.stacks
def test_a_checkpoint_may_go_while_it_is_evaluated(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfx_estimators.components.trainer.session.following import follow

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        v1 = tf.compat.v1
        step = v1.train.get_or_create_global_step()
        loss = v1.get_variable("loss", [])
        return tf_estimator.EstimatorSpec(mode, loss=loss, train_op=step.assign_add(1))

    # Before there is a TF_CONFIG.
    trainer = tf_estimator.RunConfig(str(tmp_path), keep_checkpoint_max=1)

    def train_to(step: int) -> None:
        made = tf_estimator.Estimator(model_fn, config=trainer)
        made.train(lambda: tf.data.Dataset.from_tensors(1).repeat(), max_steps=step)

    evaluated = []

    def input_fn() -> Any:
        evaluated.append(tf.train.latest_checkpoint(str(tmp_path)))
        if len(evaluated) == 1:
            others = threading.Thread(target=train_to, args=(4,))
            others.start()
            others.join()
        return tf.data.Dataset.from_tensors(1)

    train_to(2)
    around = {"cluster": {"chief": ["localhost:1"]}, "task": {"type": "evaluator", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(around))
    follow(
        tf_estimator.Estimator(model_fn, config=tf_estimator.RunConfig(str(tmp_path))),
        tf_estimator.TrainSpec(input_fn, max_steps=4),
        tf_estimator.EvalSpec(input_fn, steps=1, throttle_secs=0),
    )
    assert [path.rpartition("-")[2] for path in evaluated] == ["2", "4"]
