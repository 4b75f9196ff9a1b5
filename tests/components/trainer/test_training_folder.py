"""A training's folder: what is recorded of it, taken over into it, and read past."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import tensorflow as tf
from click.testing import CliRunner
from odd_disks import unremovable

from tfx_estimators import cli
from tfx_estimators.components.origin import Origin
from tfx_estimators.components.trainer.checkpoints.adoption import adopt as adopt_checkpoint
from tfx_estimators.components.trainer.checkpoints.exports import (
    date_back,
    list_exports,
    newest_export,
)
from tfx_estimators.components.trainer.checkpoints.fingerprint import Work
from tfx_estimators.components.trainer.checkpoints.model_run import copy_run
from tfx_estimators.components.trainer.checkpoints.recorder import Recorder
from tfx_estimators.components.trainer.checkpoints.retention import KeepLast
from tfx_estimators.components.trainer.checkpoints.training import FOREIGN, Training
from tfx_estimators.components.trainer.checkpoints.training_folder import going_on_in, open_training
from tfx_estimators.components.trainer.checkpoints.vocabularies import note_vocabularies
from tfx_estimators.components.trainer.processes.done_marks import check_done, mark_done
from tfx_estimators.errors import TrainingError, UnsupportedOptionError
from tfx_estimators.estimator.checkpoints import list_checkpoints
from tfx_estimators.lineage.record_files import read_records, write_record
from tfx_estimators.lineage.records import CheckpointRecord, ModelRecord

pytestmark = [pytest.mark.stacks, pytest.mark.faults]

FINGERPRINT = "f" * 32
ORIGIN = Origin(pipeline="p", run="r", node="EstimatorTrainer", execution="1")


def write(
    folder: pathlib.Path,
    *steps: int,
    size: int = 3,
    slots: bool = True,
    words: Sequence[str] = (),
    boundaries: Sequence[float] = (),
    numbered_by: int = 1,
) -> None:
    """Checkpoints as an Estimator writes them.

    Its columns may have a vocabulary and boundaries; a file may be called by another number
    than its step.
    """
    folder.mkdir(parents=True, exist_ok=True)
    columns: list[Any] = []
    if words:
        color = tf.feature_column.categorical_column_with_vocabulary_list("color", list(words))
        columns.append(tf.feature_column.indicator_column(color))
    if boundaries:
        age = tf.feature_column.numeric_column("age")
        columns.append(tf.feature_column.bucketized_column(age, list(boundaries)))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        at = tf.compat.v1.train.get_or_create_global_step()
        weights = tf.compat.v1.get_variable("w", initializer=tf.ones([size]))
        if slots:
            tf.compat.v1.get_variable("w/Adagrad", initializer=tf.ones([size]))
        if columns:
            features = {"color": tf.constant([["red"]]), "age": tf.constant([[1.0]])}
            tf.compat.v1.feature_column.input_layer(features, columns)
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(max_to_keep=99)
        for step in steps:
            session.run([at.assign(step), weights.assign(tf.fill([size], float(step)))])
            saver.save(session, f"{folder}/model.ckpt", global_step=step * numbered_by)


@pytest.fixture
def training(tmp_path: pathlib.Path) -> Training:
    folder = tmp_path / "store" / FINGERPRINT
    return Training(folder=str(folder), fingerprint=FINGERPRINT, origin=ORIGIN)


def records(folder: str | pathlib.Path) -> dict[int, CheckpointRecord]:
    found = read_records(str(folder)).values()
    return {record.step: record for record in found if isinstance(record, CheckpointRecord)}


def test_an_old_checkpoint_that_is_damaged_and_a_note_do_not_stop_a_training(
    training: Training,
) -> None:
    folder = pathlib.Path(training.folder)
    write(folder, 10, 20, 30)
    (folder / "evaluations").mkdir()
    (folder / "evaluations/20.json").write_text("[1]")
    (folder / "evaluations/30.json").symlink_to("/nonexistent")
    os.mkfifo(folder / "checkpoint-1.record.json")
    (folder / "examples.json").write_text("{")
    (folder / "writer.json").write_text("[]")
    (folder / "model_dirs.json").write_bytes(b"\xff")
    (folder / "model.ckpt-10.index").write_bytes(b"")
    with open_training(training) as opened:
        assert opened.start.step == 30
        assert opened.start.examples is None
    assert sorted(records(folder)) == [20, 30]
    (folder / "mine").symlink_to("/nonexistent")
    os.mkfifo(folder / "pipe")
    copy_run(str(folder), str(folder.parent / "published"))
    assert {p.name for p in (folder.parent / "published").iterdir()} >= {"model.ckpt-30.index"}


def test_an_old_checkpoint_that_cannot_be_removed_ends_no_training(training: Training) -> None:
    folder = pathlib.Path(training.folder)
    write(folder, 10, 20, 30)
    training = dataclasses.replace(training, retention=(KeepLast(1),))
    with (
        unremovable(folder / "model.ckpt-10.data-00000-of-00001"),
        open_training(training) as opened,
    ):
        assert opened.start.step == 30
    assert {r.step for r in records(folder).values() if r.kept} == {30}
    with open_training(training):
        pass
    assert [c.step for c in list_checkpoints(str(folder))] == [30]


def test_examples_that_nobody_counted_are_unknown_and_else_reckoned(training: Training) -> None:
    folder = pathlib.Path(training.folder)
    write(folder, 0, 10, 20)
    recorder = Recorder(training)
    recorder.catch_up()
    assert [record.global_examples for record in records(folder).values()] == [0, None, None]
    shutil.rmtree(folder)
    write(folder, 10, 20)
    (folder / "examples.json").write_text("[1, 32]")
    Recorder(training).catch_up()
    assert [record.global_examples for record in records(folder).values()] == [320, 640]


def test_a_store_that_was_moved_keeps_what_was_recorded(
    training: Training, tmp_path: pathlib.Path
) -> None:
    write(pathlib.Path(training.folder), 10)
    Recorder(training).record(f"{training.folder}/model.ckpt-10", 77)
    moved = pathlib.Path(training.folder).parent.rename(tmp_path / "moved") / FINGERPRINT
    later = dataclasses.replace(ORIGIN, run="later", execution="2")
    with open_training(dataclasses.replace(training, folder=str(moved), origin=later)) as opened:
        assert opened.start.examples == 77
    kept = [r for r in read_records(str(moved)).values() if r.kept]  # type: ignore[union-attr]
    assert [(r.uri, r.run) for r in kept] == [(f"{moved}/model.ckpt-10", "r")]  # type: ignore[union-attr]


def test_a_link_to_the_store_records_nothing_twice(
    training: Training, tmp_path: pathlib.Path
) -> None:
    write(pathlib.Path(training.folder), 10)
    Recorder(training).catch_up()
    (tmp_path / "link").symlink_to(tmp_path / "store")
    by_link = dataclasses.replace(training, folder=f"{tmp_path}/link/{FINGERPRINT}")
    Recorder(by_link).catch_up()
    assert len(read_records(training.folder)) == 1


def test_a_model_dir_of_the_modules_own_is_recorded_and_gone_on_in(
    training: Training, tmp_path: pathlib.Path
) -> None:
    own = tmp_path / "own"
    write(own, 70)
    with open_training(training) as opened, going_on_in(opened, str(own)) as begun:
        assert (begun.start.step, begun.start.own_steps) == (70, 0)
        write(own, 70, 90)
        Recorder(begun, model_dir=str(own)).record(f"{own}/model.ckpt-90", None)
    found = records(training.folder)
    assert {step: (r.kept, r.run) for step, r in found.items()} == {
        70: (True, "foreign"),
        90: (True, "r"),
    }
    assert records(own)[90] == found[90]
    newest = Recorder(training).newest()
    assert newest is not None
    assert newest.uri == f"{own}/model.ckpt-90"


def test_a_store_that_tensorflow_takes_for_a_pattern_is_refused(
    training: Training, tmp_path: pathlib.Path
) -> None:
    odd = dataclasses.replace(training, folder=str(tmp_path / "s[1]" / FINGERPRINT))
    with pytest.raises(UnsupportedOptionError, match="checkpoint_store"), open_training(odd):
        pass
    assert not (tmp_path / "s[1]").exists()


def test_an_interrupted_training_of_an_earlier_version_is_named(
    training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    older = pathlib.Path(training.folder).with_name("e" * 32)
    older.mkdir(parents=True)
    (older / "writer.json").write_text('{"origin": {"pipeline": "p", "run": "r", "node": '
                                       '"EstimatorTrainer", "execution": "1"}}')  # fmt: skip
    with open_training(training):
        pass
    assert f"{older} was begun by an earlier version" in capsys.readouterr().err


def test_a_training_in_a_bucket_holds_a_lease_and_is_written_for_its_workers(
    training: Training,
) -> None:
    in_bucket = dataclasses.replace(training, folder=f"file://{training.folder}")
    with open_training(in_bucket) as opened:
        opened.check()
        assert Training.from_json(opened.to_json()) == opened
    assert (pathlib.Path(training.folder) / "writer.json").is_file()


@pytest.fixture
def adopt(training: Training, tmp_path: pathlib.Path) -> Callable[..., str]:
    """Adopts from `old`; the training has a checkpoint of step 0 and a vocabulary."""
    write(pathlib.Path(training.folder), 0)
    graph = tmp_path / "graph"
    (graph / "transform_fn/assets").mkdir(parents=True)
    (graph / "transform_fn/assets/colors").write_text("red\ngreen\n")
    note_vocabularies(training.folder, str(graph))

    def run(*options: str) -> str:
        arguments = ["adopt", str(tmp_path / "old"), training.folder, *options]
        done = CliRunner().invoke(cli.main, arguments)
        return f"{done.exit_code} {done.output} {done.exception or ''}"

    return run


def test_an_old_checkpoint_is_adopted(
    training: Training, adopt: Callable[..., str], tmp_path: pathlib.Path
) -> None:
    old = tmp_path / "old"
    write(old, 500, 900)
    assets = old / "export/serving/1500000000/assets"
    assets.mkdir(parents=True)
    (assets / "colors").write_text("red\ngreen\n")
    (assets.parent / "saved_model.pb").write_bytes(b"")
    before = sorted(path.name for path in old.rglob("*"))
    said = adopt()
    assert said.startswith("0 3 variables fit, 1 of them optimizer slots")
    assert "the same vocabularies: colors" in said
    assert tf.train.latest_checkpoint(training.folder) == f"{training.folder}/model.ckpt-900"
    assert sorted(path.name for path in old.rglob("*")) == before
    with open_training(training) as opened:
        assert (opened.start.step, opened.start.own_steps) == (900, 0)
        assert opened.start.examples is None
        weights = tf.train.load_variable(tf.train.latest_checkpoint(training.folder), "w")
        assert weights.tolist() == [900.0] * 3
    assert records(training.folder)[900].run == "foreign"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": 4}, "w is float32 [3], there float32 [4]"),
        ({"slots": False}, "optimizer slot w/Adagrad [3] is missing"),
        ({"vocabulary": "green\nred\n"}, "the vocabularies colors differ"),
        ({"vocabulary": None}, "the vocabularies colors cannot be compared"),
    ],
)
def test_an_old_checkpoint_that_does_not_fit_is_refused(
    training: Training,
    adopt: Callable[..., str],
    tmp_path: pathlib.Path,
    change: dict[str, object],
    said: str,
) -> None:
    shapes = {key: value for key, value in change.items() if key != "vocabulary"}
    write(tmp_path / "old", 900, **shapes)  # type: ignore[arg-type]
    vocabulary = change.get("vocabulary", "red\ngreen\n")
    (tmp_path / "assets").mkdir()
    if vocabulary is not None:
        (tmp_path / "assets/colors").write_text(str(vocabulary))
    assert said in adopt("--assets", str(tmp_path / "assets"))
    assert not list(pathlib.Path(training.folder).glob("model.ckpt-900*"))


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"words": ["red", "blue"]}, {"words": ["blue", "red"]}, "differ in color"),
        ({"boundaries": [1.0, 2.0]}, {"boundaries": [1.0, 3.0]}, "differ in bucket boundaries"),
        ({"words": ["red", "blue"]}, {}, "it is not known whether the ids of color"),
        ({}, {"words": ["red", "blue"]}, "it is not known whether the ids of color"),
        (
            {"words": ["red", "blue"], "boundaries": [1.0, 2.0]},
            {"words": ["red", "blue"], "boundaries": [1.0, 2.0]},
            "goes on from step 900",
        ),
    ],
)
def test_what_the_graphs_say_of_ids_is_compared(
    training: Training,
    tmp_path: pathlib.Path,
    before: dict[str, Any],
    now: dict[str, Any],
    said: str,
) -> None:
    write(tmp_path / "old", 900, **before)
    write(pathlib.Path(training.folder), 1, **now)
    answer = CliRunner().invoke(cli.main, ["adopt", str(tmp_path / "old"), training.folder])
    assert said in f"{answer.output} {answer.exception}"
    adopted = pathlib.Path(training.folder, "model.ckpt-900.index").exists()
    assert adopted == said.startswith("goes on")


def test_the_checkpoint_that_is_meant_is_asked_for_if_two_may_be(
    training: Training, tmp_path: pathlib.Path
) -> None:
    old = tmp_path / "old"
    write(old, 500, 900)
    tf.compat.v1.train.update_checkpoint_state(str(old), f"{old}/model.ckpt-500")
    write(pathlib.Path(training.folder), 1)
    with pytest.raises(TrainingError, match="`checkpoint` there names"):
        adopt_checkpoint(str(old), training.folder)
    assert adopt_checkpoint(f"{old}/model.ckpt-500", training.folder).checkpoint.step == 500
    (old / "checkpoint").unlink()
    assert adopt_checkpoint(str(old), training.folder).checkpoint.step == 900


def test_an_adopted_checkpoint_is_called_by_its_step(
    training: Training, tmp_path: pathlib.Path
) -> None:
    # Called by the time, it would stay the newest however long the training went on.
    write(tmp_path / "old", 900, numbered_by=1_000_000)
    write(pathlib.Path(training.folder), 1)
    adopted = adopt_checkpoint(str(tmp_path / "old"), training.folder).checkpoint
    assert adopted.prefix == f"{training.folder}/model.ckpt-900"
    write(pathlib.Path(training.folder), 910)
    with open_training(training) as opened:
        assert opened.start.step == 910


def test_a_store_is_not_taken_for_a_training(training: Training, tmp_path: pathlib.Path) -> None:
    write(tmp_path / "old", 900)
    with open_training(training):
        write(pathlib.Path(training.folder), 1)
    with pytest.raises(TrainingError, match="is not a training, but holds 1"):
        adopt_checkpoint(str(tmp_path / "old"), str(tmp_path / "store"))
    assert not list((tmp_path / "store").rglob("model.ckpt-900*"))


def test_a_checkpoint_of_tensorflow_before_1_is_named(
    training: Training, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/model.ckpt-900").write_bytes(b"")
    (tmp_path / "old/model.ckpt-900.meta").write_bytes(b"")
    write(pathlib.Path(training.folder), 1)
    with pytest.raises(TrainingError, match=r"the format of TensorFlow before 1\.0"):
        adopt_checkpoint(str(tmp_path / "old"), training.folder)


@pytest.mark.parametrize(
    ("variable", "is_slot"),
    [
        ("w/Adam_1", True),
        ("w/Adadelta", True),
        ("training/Adam/w/m", True),
        ("net/kernel/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE", True),
        ("w/ExponentialMovingAverage", False),
        ("training/Adam/iter", False),
        ("beta1_power", False),
    ],
)
def test_slots_of_any_optimizer_are_counted(
    training: Training, tmp_path: pathlib.Path, variable: str, is_slot: bool
) -> None:
    for folder, step in ((tmp_path / "old", 900), (pathlib.Path(training.folder), 1)):
        folder.mkdir(parents=True)
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            values = {"w": tf.ones([3]), variable: tf.ones([3]), "global_step": tf.constant(step)}
            saved = tf.raw_ops.SaveV2(
                prefix=f"{folder}/model.ckpt-{step}",
                tensor_names=list(values),
                shape_and_slices=[""] * len(values),
                tensors=list(values.values()),
            )
            session.run(saved)
    assert adopt_checkpoint(str(tmp_path / "old"), training.folder).slots == is_slot


def test_a_part_without_its_mark_is_named(tmp_path: pathlib.Path) -> None:
    for part in ("worker-0", "worker-1"):
        mark_done(str(tmp_path), "first", part)
    check_done(str(tmp_path), "first", ["worker-0", "worker-1"])
    mark_done(str(tmp_path), "second", "worker-0")
    with pytest.raises(TrainingError, match=r"^worker-1 ended with code 0"):
        check_done(str(tmp_path), "second", ["worker-0", "worker-1"])


def test_the_export_of_this_attempt_comes_before_a_larger_number(tmp_path: pathlib.Path) -> None:
    def export(number: int, step: int) -> None:
        folder = tmp_path / f"export/serving/{number}"
        write(folder / "scratch", step)
        (folder / "variables").mkdir()
        for end in ("index", "data-00000-of-00001"):
            (folder / f"scratch/model.ckpt-{step}.{end}").rename(
                folder / f"variables/variables.{end}"
            )
        shutil.rmtree(folder / "scratch")
        (folder / "saved_model.pb").write_bytes(b"")

    export(2_000_000_000, 20)
    before = list_exports(str(tmp_path))
    newest = newest_export(str(tmp_path), before)
    assert newest is not None
    assert newest.step == 20  # Where the attempt exports none, the training had come to this.
    export(1_700_000_000, 60)
    export(1_700_000_001, 100)
    newest = newest_export(str(tmp_path), before)
    assert newest is not None
    assert newest.step == 100


def test_exports_that_are_dated_later_than_now_do_not_push_new_ones_out(
    tmp_path: pathlib.Path,
) -> None:
    exports = tmp_path / "export/best"
    for number in (100, 900, 901, 902):
        (exports / str(number)).mkdir(parents=True)
        (exports / str(number) / "which").write_text(str(number))
    note = tmp_path / "export/best.best.json"
    for after, dated in ((901, 498), (902, 499), (100, 100)):
        note.write_text(f'{{"result": {{}}, "replaces": null, "after": {after}}}')
        date_back(str(tmp_path), 500)
        found = {path.name: (path / "which").read_text() for path in exports.iterdir()}
        assert found == {"100": "100", "497": "900", "498": "901", "499": "902"}
        assert json.loads(note.read_text())["after"] == dated
        for old, new in ((900, 497), (901, 498), (902, 499)):
            (exports / str(new)).rename(exports / str(old))


def test_only_a_training_of_fewer_steps_and_nothing_else_is_extended(
    training: Training, tmp_path: pathlib.Path
) -> None:
    def work(fingerprint: str, steps: int, *, extends: bool, data: str = "same") -> Work:
        return Work(fingerprint, steps, {"input examples": data}, extends)

    base = dataclasses.replace(training, work=work(FINGERPRINT, 30, extends=False))
    write(pathlib.Path(base.folder), 10)
    Recorder(dataclasses.replace(base, origin=FOREIGN)).catch_up()
    with open_training(base) as opened:
        write(pathlib.Path(base.folder), 10, 30)
        Recorder(opened).catch_up()
    last = records(base.folder)[30]
    model = ModelRecord(
        **dataclasses.asdict(ORIGIN), wall_time=1.0, uri="model", digest="d",
        checkpoint_digest=last.digest, fingerprint=FINGERPRINT, step=30,
    )  # fmt: skip
    write_record(base.folder, model)

    def another(letter: str, steps: int, data: str = "same") -> Training:
        return dataclasses.replace(
            base,
            folder=f"{tmp_path}/store/{letter * 32}",
            work=work(letter * 32, steps, extends=True, data=data),
        )

    with open_training(another("a", 50)) as opened:
        # The first steps are somebody else's: their batches are not skipped.
        assert (opened.start.step, opened.start.own_steps) == (30, 20)
        assert opened.start.digest == last.digest
    elsewhere = dataclasses.replace(another("e", 50), folder=f"{tmp_path}/empty/{'e' * 32}")
    for refused, why in (
        (another("b", 50, "other"), "also differs in input examples"),
        (another("c", 30), "the training finished 30 steps, and 30 are wanted"),
        (elsewhere, "has none of EstimatorTrainer that ended at its num_steps"),
    ):
        with pytest.raises(TrainingError, match=why), open_training(refused):
            pass
        assert not pathlib.Path(refused.folder).exists()
