"""Files that a reader sees whole or not at all."""

from __future__ import annotations

import ast
import pathlib

import pytest

import tfx_estimators
from tfx_estimators.lineage.files import LOCAL
from tfx_estimators.whole_files import staged, write_whole

# Renames whole folders, streams of records, or may import the standard library only.
_OTHERS = {
    *("whole_files.py", "files.py", "gfile.py", "imitated_backend.py"),
    *(
        "checkpoint_export.py",
        "exports.py",
        "shuffle.py",
        "analysis.py",
        "versions.py",
        "checkpoints.py",
    ),
    "study.py",  # Sets a damaged file aside.
}


def test_a_block_that_raises_leaves_the_file_as_it_was(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "note.json"
    with staged(file) as fresh:
        fresh.write_text("old")
    with pytest.raises(OSError, match="full"), staged(file) as fresh:
        _write_half(fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]
    assert file.read_text() == "old"


def _write_half(file: pathlib.Path) -> None:
    file.write_text("ne")
    raise OSError("the disk is full")


@pytest.mark.parametrize("shared", [False, True])
def test_a_file_is_replaced_at_once(tmp_path: pathlib.Path, shared: bool) -> None:
    path = str(tmp_path / "note.json")
    seen = []

    def rename(source: str, target: str, *, overwrite: bool) -> None:
        seen.append(pathlib.Path(source).read_text())
        LOCAL.rename(source, target, overwrite)

    for content in ("one", "two"):
        write_whole(path, content, LOCAL.open, rename, shared=shared)
        assert pathlib.Path(path).read_text() == content
    assert seen == ["one", "two"], "it was complete before it was renamed"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_in_the_staged_files_place_is_not_followed(tmp_path: pathlib.Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    for link in (".note.json.new", "state.new"):
        (tmp_path / link).symlink_to(thesis)
    with staged(tmp_path / "note.json") as fresh:
        fresh.write_text("new")
    write_whole(str(tmp_path / "state"), "new", open, LOCAL.rename)
    assert thesis.read_text() == "years of work"
    assert (tmp_path / "note.json").read_text() == (tmp_path / "state").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 3


def test_no_other_module_stages_and_renames_files() -> None:
    folder = pathlib.Path(tfx_estimators.__path__[0])
    rooms = [folder, *(path for path in folder.iterdir() if path.is_symlink())]
    renaming = {
        path.name
        for room in rooms
        for path in room.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "rename"
    }
    assert renaming - _OTHERS == set()
