"""A training that is interrupted goes on, by real processes that real signals end."""

from __future__ import annotations

import collections
import dataclasses
import importlib
import json
import multiprocessing
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from tfx_estimators.cli import main
from tfx_estimators.components.trainer.session.interruption import listening
from tfx_estimators.lineage.checkpoints import list_checkpoints
from tfx_estimators.lineage.maintenance.garbage import find_garbage
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import CheckpointRecord, ModelRecord
from tfx_estimators.lineage.runs import find_run
from tfx_estimators.lineage.store import open_store

MODULES = pathlib.Path(__file__).parent / "modules"
STEPS = 40
CONFIG = {"seed": 5, "batch_size": 16, "run_config": {"save_checkpoints_steps": 10}}

pytestmark = [pytest.mark.stacks, pytest.mark.faults]


@pytest.fixture(scope="module")
def transformed(
    run_pipeline: Any, import_artifacts: Callable[[], list[Any]], importable_modules: None
) -> dict[str, str]:
    """Uris of what a FeatureColumnTransform made of the points."""
    from tfx_estimators.components import FeatureColumnTransform

    examples, schema, tuned = import_artifacts()
    transform = FeatureColumnTransform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        module_file=str(MODULES / "faulty_module.py"),
        label_key="y",
    )
    made = run_pipeline([examples, schema, tuned, transform]).artifacts / transform.id
    keys = ("transformed_examples", "transform_graph", "feature_columns")
    return {key: str(next((made / key).iterdir())) for key in keys}


@pytest.fixture(scope="module")
def processes(importable_modules: None) -> Any:
    import training_process

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*training_process.PRELOADED, "training_process"])
    return context


@dataclasses.dataclass
class Run:
    """One pipeline, run as often as need be."""

    root: pathlib.Path
    context: Any
    job: Any

    def environment(self, fault: str = "", **more: str) -> dict[str, str]:
        return {
            "FAULT": fault,
            "STEPS_LOG": str(self.root / "steps.log"),
            # Several threads may round the last bit of a sum now so, now so.
            "TF_NUM_INTRAOP_THREADS": "1",
            **more,
        }

    def begin(self, fault: str = "", **changes: Any) -> Any:
        import training_process

        environment = self.environment(fault, **changes.pop("environment", {}))
        job = dataclasses.replace(self.job, environment=environment, **changes)
        process = self.context.Process(
            target=training_process.train, args=(job, str(self.root / "log.txt"))
        )
        process.start()
        return process

    def __call__(self, fault: str = "", **changes: Any) -> int:
        process = self.begin(fault, **changes)
        process.join(900)
        assert process.exitcode is not None, self.said()
        return int(process.exitcode)

    def said(self) -> str:
        return (self.root / "log.txt").read_text()

    def steps(self) -> list[int]:
        return [int(line) for line in (self.root / "steps.log").read_text().split()]

    @property
    def store(self) -> pathlib.Path:
        return self.root / "checkpoints"

    def folder(self) -> pathlib.Path:
        (folder,) = [path for path in self.store.iterdir() if path.is_dir()]
        return folder

    def kept(self) -> list[int]:
        return sorted(int(p.stem.rpartition("-")[2]) for p in self.folder().glob("*.index"))

    def weights(self) -> dict[str, Any]:
        reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(self.folder())))
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}

    def model(self) -> pathlib.Path:
        """That of the newest execution: a killed one leaves a folder too."""
        models = (self.root / "artifacts" / "EstimatorTrainer" / "model").iterdir()
        return max(models, key=lambda model: int(model.name))

    def checkpoints(self) -> list[CheckpointRecord]:
        records = read_records(str(self.folder())).values()
        found = [record for record in records if isinstance(record, CheckpointRecord)]
        return sorted(found, key=lambda record: record.step)


def job_in(root: pathlib.Path, transformed: dict[str, str]) -> Any:
    import training_process

    return training_process.Job(
        root=str(root),
        transformed=transformed,
        module_file=str(MODULES / "faulty_module.py"),
        steps=STEPS,
        arguments={"custom_config": CONFIG, "checkpoint_store": str(root / "checkpoints")},
    )


@pytest.fixture
def run(
    tmp_path: pathlib.Path,
    processes: Any,
    transformed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    monkeypatch.delenv("TFX_ESTIMATORS_CHECKPOINTS")
    return Run(tmp_path, processes, job_in(tmp_path, transformed))


@pytest.fixture(scope="module")
def uninterrupted(
    tmp_path_factory: pytest.TempPathFactory, processes: Any, transformed: dict[str, str]
) -> Run:
    root = tmp_path_factory.mktemp("uninterrupted")
    run = Run(root, processes, job_in(root, transformed))
    assert run() == 0, run.said()
    return run


def check_as_uninterrupted(run: Run, uninterrupted: Run) -> None:
    wanted, got = uninterrupted.weights(), run.weights()
    assert got.keys() == wanted.keys()
    assert got["global_step"] == STEPS
    different = {
        name: np.abs(got[name] - value).max()
        for name, value in wanted.items()
        if not np.array_equal(got[name], value)
    }
    assert not different
    predict = tf.saved_model.load(str(run.model() / "Format-Serving")).signatures["predict"]
    assert predict.structured_input_signature


def test_what_is_known_of_a_training(uninterrupted: Run) -> None:
    run = uninterrupted
    assert run.steps() == list(range(1, STEPS + 1))
    assert run.kept() == [0, 10, 20, 30, 40]
    found = run.checkpoints()
    assert [c.step for c in found] == [0, 10, 20, 30, 40]
    assert [c.global_examples for c in found] == [0, 160, 320, 480, 640]
    assert "auc" in found[-1].metrics
    assert {c.fingerprint for c in found} == {run.folder().name}
    records = read_records(str(run.folder())).values()
    (model,) = [record for record in records if isinstance(record, ModelRecord)]
    assert model.checkpoint_digest == found[-1].digest
    assert model.uri == str(run.model())
    (model_run,) = (run.root / "artifacts" / "EstimatorTrainer" / "model_run").iterdir()
    latest = tf.train.latest_checkpoint(str(model_run))
    assert tf.train.load_variable(latest, "global_step") == STEPS
    assert not list(model_run.rglob("*.record.json"))


@pytest.mark.parametrize(
    "fault",
    [
        "SIGKILL",
        "raise",
        # Ctrl-C twice: at once, without a checkpoint.
        pytest.param("SIGINT+SIGINT", marks=pytest.mark.slow),
    ],
)
def test_a_training_that_dies_goes_on(run: Run, uninterrupted: Run, fault: str) -> None:
    assert run(f"{fault} 25") == (-signal.SIGKILL if fault == "SIGKILL" else 1)
    assert run() == 0, run.said()
    assert "going on from step 20" in run.said()
    twice = [step for step, count in collections.Counter(run.steps()).items() if count > 1]
    assert twice == [21, 22, 23, 24, 25]
    check_as_uninterrupted(run, uninterrupted)
    # The execution that failed keeps the checkpoints that it wrote.
    by_step = {c.step: c for c in run.checkpoints()}
    assert by_step[20].resumed_from is None
    assert by_step[40].resumed_from == by_step[20].digest
    assert by_step[20].run != by_step[40].run


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with listening() as interruption:
            os.kill(os.getpid(), signal.SIGINT)
            assert interruption.signal is None
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_sighup_and_sigterm_save_first(run: Run, uninterrupted: Run) -> None:
    # The tests may run under nohup, and processes inherit what is ignored.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert run("SIGHUP 8") == 1
    finally:
        signal.signal(signal.SIGHUP, before)
    assert re.search("stopped by SIGHUP at step [89], which was saved", run.said())
    assert run("SIGTERM 25") == 1
    assert re.search("stopped by SIGTERM at step 2[56], which was saved", run.said())
    assert run() == 0, run.said()
    # The step at whose end it was saved is not written down where the hook comes later.
    assert len(run.steps()) == len({*run.steps()})
    assert {*run.steps(), 9, 26} == set(range(1, STEPS + 1))
    check_as_uninterrupted(run, uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["torn", "one bit", "index torn", "state torn"])
def test_a_damaged_newest_checkpoint_is_not_used(run: Run, uninterrupted: Run, damage: str) -> None:
    assert run("SIGKILL 35") == -signal.SIGKILL
    prefix = run.folder() / "model.ckpt-30"
    file = {
        "index torn": prefix.with_name("model.ckpt-30.index"),
        "state torn": run.folder() / "checkpoint",
    }.get(damage, prefix.with_name("model.ckpt-30.data-00000-of-00001"))
    content = bytearray(file.read_bytes())
    if damage == "one bit":
        content[len(content) // 2] ^= 1
    else:
        del content[len(content) // 2 :]
    file.write_bytes(bytes(content))
    # What a writer leaves that was killed while it wrote.
    (run.folder() / "model.ckpt-35_temp").mkdir()
    (run.folder() / "model.ckpt-35.data-00000-of-00001").write_bytes(b"half")
    assert run() == 0, run.said()
    step = 30 if damage == "state torn" else 20
    assert f"going on from step {step}" in run.said()
    assert ("checkpoint of step 30 is torn" in run.said()) == (step == 20)
    check_as_uninterrupted(run, uninterrupted)
    assert not list(run.folder().glob("model.ckpt-35*"))


@pytest.mark.slow
def test_a_disk_that_is_full_loses_nothing(run: Run) -> None:
    # A checkpoint is by far the largest file, so that the limit is met there.
    custom_config = {**CONFIG, "hidden_units": [500, 500]}
    arguments = {**run.job.arguments, "custom_config": custom_config}
    assert run("SIGKILL 15", arguments=arguments) == -signal.SIGKILL
    size = (run.folder() / "model.ckpt-10.data-00000-of-00001").stat().st_size
    assert run(file_limit=size - 1000, arguments=arguments) == 1
    assert "there is no room to write a checkpoint" in run.said()
    assert run(arguments=arguments) == 0, run.said()
    assert "torn" not in run.said()
    assert run.said().count("going on from step 10") == 2
    assert run.kept()[-1] == STEPS


@pytest.mark.slow
def test_of_two_that_train_the_same_one_waits(run: Run, uninterrupted: Run) -> None:
    first = run.begin(environment={"HELD": f"5 {run.root / 'go'}"})
    while not (run.root / "steps.log").exists():
        time.sleep(0.1)
        assert first.is_alive(), run.said()
    job = dataclasses.replace(run.job, root=str(run.root / "b"), pipeline="another")
    (run.root / "b").mkdir()
    # Both write into one log.
    other = dataclasses.replace(run, job=job).begin()
    while f"waiting for process {first.pid} on" not in run.said():
        time.sleep(0.1)
        assert other.is_alive(), run.said()
    (run.root / "go").touch()
    for process in (first, other):
        process.join(900)
        assert process.exitcode == 0, run.said()
    assert run.steps() == list(range(1, STEPS + 1))
    check_as_uninterrupted(run, uninterrupted)
    # Each pipeline's metadata knows the checkpoints, and who wrote them.
    listed = [
        {checkpoint.digest for checkpoint in list_checkpoints(open_store(database))}
        for database in run.root.rglob("metadata.sqlite")
    ]
    assert listed == [{record.digest for record in run.checkpoints()}] * 2
    assert {record.pipeline for record in run.checkpoints()} == {"faulty"}


@pytest.mark.slow  # Needs libfaketime.
def test_a_training_goes_on_though_the_clock_was_set_back(run: Run, uninterrupted: Run) -> None:
    assert run("SIGKILL 25") == -signal.SIGKILL
    job = dataclasses.replace(run.job, environment=run.environment())
    set_back = ["faketime", "--exclude-monotonic", "-f", "-3d"]
    script = str(MODULES / "training_process.py")
    command = [sys.executable, script, json.dumps(dataclasses.asdict(job))]
    done = subprocess.run(
        [*set_back, *command, str(run.root / "log.txt")], timeout=600, check=False
    )
    assert done.returncode == 0, run.said()
    assert "going on from step 20" in run.said()
    check_as_uninterrupted(run, uninterrupted)
    by_step = {record.step: record for record in run.checkpoints()}
    # That of step 20 may not have been recorded in time, and so have been by the second run.
    assert by_step[0].wall_time - by_step[40].wall_time > 2 * 24 * 3600
    assert by_step[40].resumed_from == by_step[20].digest
    store = open_store(run.root / "metadata" / "metadata.sqlite", write=True)
    assert list_checkpoints(store, limit=1)[0].step == STEPS
    assert find_run(store, "latest").name == by_step[40].run
    # What is kept is the newest by its step, too.
    garbage = find_garbage(store, str(run.store), keep_last=2)
    assert sorted(one.record.step for one in garbage) == [0, 10, 20]


@pytest.mark.slow
def test_gc_during_a_training_takes_nothing_that_the_next_run_needs(
    run: Run, uninterrupted: Run
) -> None:
    # It goes on while the commands run, but not to its end.
    held = f"35 {run.root / 'never'}"
    training = run.begin(environment={"SECONDS_A_STEP": "0.1", "HELD": held})
    while len(list(run.store.glob("*/checkpoint-*.record.json"))) < 3:
        time.sleep(0.1)
        assert training.is_alive(), run.said()
    newest = run.checkpoints()[-1].step
    store, database = str(run.store), str(run.root / "metadata.sqlite")
    for command in (["import", store, "--create"], ["gc", store, "--delete", "--keep-last", "1"]):
        done = CliRunner().invoke(main, [*command, "--metadata", database])
        assert done.exit_code == 0, done.output
    assert "checkpoints removed" in done.output
    assert training.is_alive()
    training.kill()
    training.join()
    assert run() == 0, run.said()
    (step,) = re.findall(r"going on from step (\d+)", run.said())
    assert int(step) >= newest
    check_as_uninterrupted(run, uninterrupted)


@pytest.mark.slow
def test_what_is_kept(run: Run) -> None:
    from tfx_estimators.components.trainer.checkpoints.retention import (
        KeepBest,
        KeepEvery,
        KeepLast,
    )

    # A policy from outside the package.
    own = importlib.import_module("keep_steps").KeepSteps((15,))
    arguments = {
        **run.job.arguments,
        "custom_config": {**CONFIG, "run_config": {"save_checkpoints_steps": 5}},
        "retention": [KeepLast(2), KeepEvery(20), KeepBest("loss", largest=False), own],
    }
    assert run("SIGKILL 23", arguments=arguments) == -signal.SIGKILL
    assert run(arguments=arguments) == 0, run.said()
    found = run.checkpoints()
    assert {record.step for record in found} == set(range(0, STEPS + 1, 5))
    # Evaluations are ten minutes apart: the first one, and the last at the end.
    evaluated = {r.step: r.metrics["loss"] for r in found if r.metrics}
    assert evaluated.keys() >= {5, 40}
    best = min(evaluated, key=lambda step: evaluated[step])
    assert run.kept() == sorted({0, 15, 20, 35, 40, best})
    assert {record.step for record in found if record.kept} == set(run.kept())


@pytest.mark.slow
def test_anything_different_starts_afresh(run: Run) -> None:
    assert run() == 0, run.said()
    fresh = {**run.job.arguments, "fresh": "again"}
    assert run(arguments=fresh) == 0, run.said()
    seed = {**run.job.arguments, "custom_config": {**CONFIG, "seed": 6}}
    assert run(arguments=seed) == 0, run.said()
    assert run(steps=45) == 0, run.said()
    assert "going on" not in run.said()
    assert len([path for path in run.store.iterdir() if path.is_dir()]) == 4
    assert len(run.steps()) == 3 * STEPS + 45


def test_a_training_that_ended_is_not_done_again(run: Run, uninterrupted: Run) -> None:
    assert run() == 0, run.said()
    assert run() == 0, run.said()
    assert run.steps() == list(range(1, STEPS + 1))
    models = list((run.root / "artifacts" / "EstimatorTrainer" / "model").iterdir())
    assert len(models) == 2


def test_a_finished_training_is_extended_where_that_is_asked_for(
    run: Run, uninterrupted: Run
) -> None:
    extend = {**run.job.arguments, "extend": True}
    assert run(steps=STEPS // 2) == 0, run.said()
    half = run.folder()
    (last,) = [c for c in run.checkpoints() if c.step == STEPS // 2]
    assert run(arguments=extend) == 0, run.said()
    assert f"extending the finished training of 20 steps, {half}" in run.said()
    # Not one step was trained twice.
    assert run.steps() == list(range(1, STEPS + 1))
    (whole,) = [path for path in run.store.iterdir() if path.is_dir() and path != half]
    wanted, reader = uninterrupted.weights(), tf.train.load_checkpoint(str(whole))
    different = [
        name for name in wanted if not np.array_equal(reader.get_tensor(name), wanted[name])
    ]
    assert not different
    stored = list_checkpoints(open_store(run.root / "metadata" / "metadata.sqlite"))
    by_place = {pathlib.Path(one.uri).relative_to(run.store): one for one in stored}
    assert by_place[pathlib.Path(whole.name, "model.ckpt-40")].resumed_from == last.digest
    assert by_place[pathlib.Path(whole.name, "model.ckpt-20")].digest == last.digest
    # In lineage the copy is the work of the execution that trained it.
    copied = by_place[pathlib.Path(whole.name, "model.ckpt-20")]
    assert copied.execution == by_place[pathlib.Path(half.name, "model.ckpt-20")].execution


@pytest.mark.slow
def test_a_store_that_is_no_local_folder(run: Run, uninterrupted: Run) -> None:
    arguments = {**run.job.arguments, "checkpoint_store": f"file://{run.store}"}
    assert run("SIGKILL 25", arguments=arguments) == -signal.SIGKILL
    began = time.monotonic()
    assert run(arguments=arguments) == 0, run.said()
    assert time.monotonic() - began > 40  # The lease of the killed one had to run out.
    check_as_uninterrupted(run, uninterrupted)
