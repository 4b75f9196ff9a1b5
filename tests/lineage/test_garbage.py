"""`gc` removes checkpoints of the store that it is given, and nothing else."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import sys
from typing import Any

import pytest
from click.testing import CliRunner
from odd_disks import on_a_small_disk, unremovable

from tfx_estimators.cli import main
from tfx_estimators.lineage.record_files import read_records, write_record

pytestmark = pytest.mark.stacks


@pytest.fixture
def gc(world: Any, told: Any) -> Any:
    """Runs `gc --delete` with one checkpoint of each training kept; what it printed."""
    told()

    def invoke(*arguments: str) -> str:
        command = ["gc", *arguments, "--keep-last", "1", "--delete"]
        done = CliRunner().invoke(main, [*command, "--metadata", str(world.database)])
        assert done.exit_code == 0, done.output
        return done.output

    return invoke


def files_below(folder: pathlib.Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if "record" not in p.name}


def test_a_relative_folder_and_none_mean_the_same_as_the_absolute_one(
    world: Any, gc: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.checkpoints.parent)
    assert "1 checkpoints removed" in gc("checkpoints")
    world.checkpoint(1, 120, attempt=2)
    assert "1 checkpoints removed" in gc()
    assert "nothing to remove" in gc(str(world.checkpoints))


def test_nothing_outside_of_the_store_is_removed(
    world: Any, gc: Any, tmp_path: pathlib.Path
) -> None:
    outside = tmp_path / "outside"
    inside = world.checkpoint(1, 120, attempt=2)
    outside.mkdir()
    for path in world.checkpoints.glob("1/model.ckpt-120.*"):
        path.rename(outside / path.name)
    (world.checkpoints / "link").symlink_to(outside)
    for uri in (
        f"{outside}/model.ckpt-120",
        f"{world.checkpoints}/link/model.ckpt-120",
        f"{world.checkpoints}/../outside/model.ckpt-120",
    ):
        write_record(str(world.checkpoints / "1"), dataclasses.replace(inside, uri=uri))
    before = files_below(outside)
    gc()
    assert files_below(outside) == before


@pytest.mark.parametrize("spelling", ["{0}//2", "{0}/./2", "{0}/1/../2", "{0}/link"])
def test_a_needed_checkpoint_is_known_by_any_spelling(world: Any, gc: Any, spelling: str) -> None:
    newest = world.checkpoint(2, 900, attempt=2)
    (world.checkpoints / "link").symlink_to("2")
    # An old record of another training that speaks of the same files.
    uri = f"{spelling.format(world.checkpoints)}/model.ckpt-900"
    old = dataclasses.replace(newest, uri=uri, digest="9" * 64, step=0, fingerprint="f1" * 8)
    write_record(str(world.checkpoints / "1"), old)
    gc()
    assert pathlib.Path(f"{newest.uri}.index").exists()


def test_only_files_called_and_filled_as_recorded_are_removed(world: Any, gc: Any) -> None:
    for step in (20, 40):
        world.checkpoint(1, step, attempt=2)
    folder = world.checkpoints / "1"
    (folder / "model.ckpt-20.my-notes").write_text("mine")
    (folder / "model.ckpt-20.index.txt").write_text("mine")
    (folder / "model.ckpt-40.index").write_text("written over")
    assert "2 checkpoints removed" in gc()  # of steps 20 and 100
    assert files_below(folder) == {
        "model.ckpt-20.my-notes",
        "model.ckpt-20.index.txt",
        "model.ckpt-40.index",
        "model.ckpt-40.data-00000-of-00001",
        "model.ckpt-200.index",
        "model.ckpt-200.data-00000-of-00001",
    }


def test_what_cannot_be_removed_is_left_with_its_record(
    world: Any, gc: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.checkpoint(1, 20, attempt=2)
    folder = world.checkpoints / "1"
    # Its data would go first.
    with unremovable(folder / "model.ckpt-20.data-00000-of-00001"):
        assert "1 checkpoints removed" in gc()  # that of step 100
    assert "could not be removed" in caplog.text
    assert {"model.ckpt-20.index", "model.ckpt-20.data-00000-of-00001"} <= files_below(folder)
    kept = {r.step: r.kept for r in read_records(str(folder)).values() if hasattr(r, "kept")}
    assert kept == {20: True, 100: False, 200: True}
    assert "1 checkpoints removed" in gc()


FULL = """
import pathlib, sys
from conftest import World
from tfx_estimators.lineage.checkpoints import find_checkpoint
from tfx_estimators.lineage.maintenance.garbage import find_garbage, remove
from tfx_estimators.lineage.maintenance.restore import restore
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.store import open_store

disk, outside = map(pathlib.Path, sys.argv[1:])
world = World(disk)
store = open_store(outside / "metadata.sqlite", write=True, create=True)
garbage = find_garbage(store, str(world.checkpoints), keep_last=1)
try:
    (disk / "film").write_bytes(bytes(1 << 20))
except OSError as error:
    print(error)
try:
    restore(find_checkpoint(store, garbage[0].record.digest), str(disk / "copy"))
except OSError as error:
    print(error, list((disk / "copy").iterdir()))
print(len(remove(store, garbage)))
print([r.step for r in read_records(str(world.checkpoints)).values() if not getattr(r, "kept", 1)])
"""


def test_gc_makes_room_on_a_full_disk_where_restore_could_not_copy(tmp_path: pathlib.Path) -> None:
    (tmp_path / "disk").mkdir()
    here = f"{pathlib.Path(__file__).parent}:{os.environ.get('PYTHONPATH', '')}"
    command = [sys.executable, "-c", FULL, str(tmp_path / "disk"), str(tmp_path)]
    done = on_a_small_disk(tmp_path / "disk", 256, command, PYTHONPATH=here)
    said = done.stdout.splitlines()
    assert "No space left" in said[0], done.stderr
    assert "No space left" in said[1], done.stderr
    assert said[1].endswith("/copy/model.ckpt-100.data-00000-of-00001' []")
    assert said[2:] == ["1", "[100]"], done.stderr


def test_a_training_with_a_damaged_record_is_left_alone(world: Any, gc: Any) -> None:
    for number in (1, 2):
        world.checkpoint(number, 20, attempt=2)
    (world.checkpoints / "1/checkpoint-900.record.json").write_text("{")
    gc()
    left = files_below(world.checkpoints)
    assert {"1/model.ckpt-20.index", "1/model.ckpt-100.index"} <= left
    assert "2/model.ckpt-20.index" not in left
