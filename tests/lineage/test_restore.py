"""A checkpoint put where another training begins with it: all of it, or nothing."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tfx_estimators.cli import main
from tfx_estimators.lineage.digests import checkpoint_digest
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE
from tfx_estimators.lineage.record_files import write_record
from tfx_estimators.lineage.records import CheckpointRecord
from tfx_estimators.lineage.store import open_store

pytestmark = pytest.mark.stacks


@pytest.fixture
def checkpoint(world: Any, told: Any) -> CheckpointRecord:
    """One whose digest is that of its files."""
    folder = world.checkpoints / "3"
    folder.mkdir()
    for suffix in ("index", "data-00000-of-00001", "meta"):
        (folder / f"model.ckpt-300.{suffix}").write_text(suffix * 100)
    record = CheckpointRecord(
        pipeline="small", run="run-3", node="Trainer", execution="run-3-Trainer-1",
        wall_time=40.0, uri=f"{folder}/model.ckpt-300",
        digest=checkpoint_digest(f"{folder}/model.ckpt-300"), fingerprint="f3" * 8, step=300,
        global_examples=9600, metrics={}, size_bytes=1200,
    )  # fmt: skip
    write_record(str(folder), record)
    told()
    return record


@pytest.fixture
def restore(world: Any, checkpoint: CheckpointRecord) -> Any:
    def invoke(folder: pathlib.Path, *options: str) -> Result:
        arguments = ["restore", checkpoint.digest, str(folder), *options]
        return CliRunner().invoke(main, [*arguments, "--metadata", str(world.database)])

    return invoke


def refused(result: Result, problem: str) -> None:
    # Anything else than an error of ours is a traceback to the user.
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    assert problem in result.output


def test_the_copy_is_what_was_recorded(
    restore: Any, checkpoint: CheckpointRecord, tmp_path: pathlib.Path
) -> None:
    done = restore(tmp_path / "warm")
    assert done.output.strip() == str(tmp_path / "warm" / "model.ckpt-300")
    assert checkpoint_digest(done.output.strip()) == checkpoint.digest
    assert 'model_checkpoint_path: "model.ckpt-300"' in (tmp_path / "warm/checkpoint").read_text()
    before = sorted((tmp_path / "warm").iterdir())
    refused(restore(tmp_path / "warm"), "already holds a checkpoint")
    assert sorted((tmp_path / "warm").iterdir()) == before


def test_a_checkpoint_is_not_copied_over_itself(restore: Any, checkpoint: CheckpointRecord) -> None:
    refused(restore(pathlib.Path(checkpoint.uri).parent), "already holds a checkpoint")
    assert checkpoint_digest(checkpoint.uri) == checkpoint.digest


def test_of_a_damaged_checkpoint_nothing_is_left(
    restore: Any, checkpoint: CheckpointRecord, tmp_path: pathlib.Path
) -> None:
    pathlib.Path(f"{checkpoint.uri}.data-00000-of-00001").write_text("damaged")
    refused(restore(tmp_path / "warm"), "as recorded when they were written")
    assert not list((tmp_path / "warm").iterdir())


def test_a_checkpoint_that_is_gone(
    restore: Any, checkpoint: CheckpointRecord, tmp_path: pathlib.Path
) -> None:
    for path in pathlib.Path(checkpoint.uri).parent.glob("model.ckpt-300.*"):
        path.unlink()
    refused(restore(tmp_path / "warm"), "are gone from")
    refused(restore(tmp_path / "warm", "--saved-model"), "are gone from")
    assert not (tmp_path / "warm").exists()


def test_a_file_in_the_place_of_a_folder(restore: Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(restore(tmp_path / "file"), "cannot be made")
    refused(restore(tmp_path / "file" / "below"), "cannot be made")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_training_that_exported_nothing(restore: Any, tmp_path: pathlib.Path) -> None:
    refused(restore(tmp_path / "served", "--saved-model"), "has no exported model left")
    assert not (tmp_path / "served").exists()


def test_gc_keeps_what_a_pushed_version_was_exported_from_though_its_model_is_gone(
    world: Any, told: Any
) -> None:
    told()
    for step in (400, 600):
        world.checkpoint(1, step, attempt=2)
    store = open_store(world.database, write=True)
    models = store.get_artifacts_by_type("Model")
    for model in models:
        model.state = 4  # DELETED
    store.put_artifacts(models)
    arguments = ["gc", str(world.checkpoints), "--keep-last", "1", "--delete"]
    done = CliRunner().invoke(main, [*arguments, "--metadata", str(world.database)])
    assert done.exit_code == 0, done.output
    left = {p.relative_to(world.checkpoints).as_posix() for p in world.checkpoints.rglob("*.index")}
    assert left == {"1/model.ckpt-200.index", "1/model.ckpt-600.index", "2/model.ckpt-200.index"}
    kept = [a for a in store.get_artifacts_by_type(CHECKPOINT_TYPE) if a.state == 2]
    assert sorted(pathlib.Path(a.uri).name for a in kept) == [
        "model.ckpt-200", "model.ckpt-200", "model.ckpt-600",
    ]  # fmt: skip
