"""Local files are answered for without TensorFlow as TensorFlow answers for them."""

from __future__ import annotations

import pathlib

import pytest
import tensorflow as tf
from tfx.dsl.io.filesystem import NotFoundError

from tfx_estimators.components import local_files

PATTERNS = (
    "*", "//*", "../*", "./a*", "*/*", "*.csv", "a*", "?.csv", "f?lder/*", "folder/*",
    "folder/*/x", "**", "no/*", "/",
    ".*", "*/", "A.csv", "a[1].csv", "a*.csv", "folder", "nothing", "a+b(c)$", "*(*",
)  # fmt: skip


@pytest.fixture
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_files, "_is_local", lambda path: True)


@pytest.mark.stacks
@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_same_files_match(pattern: str, tmp_path: pathlib.Path) -> None:
    for name in (
        "a.csv", "b.csv", ".hidden", "a1.csv", "a[1].csv", "a+b(c)$", "folder/x", "folder/.y",
        "folder/deep/x", "ä.csv",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.csv").symlink_to("b.csv")
    (tmp_path / "broken.csv").symlink_to("gone")
    found = local_files._LocalFiles.glob(f"{tmp_path}/{pattern}")
    assert sorted(found) == sorted(tf.io.gfile.glob(f"{tmp_path}/{pattern}"))


@pytest.mark.usefixtures("without_tensorflow")
def test_size_and_second_of_a_file_are_tensorflows(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    for one in (path, tmp_path, tmp_path / "link"):
        ours, theirs = local_files._LocalFiles.stat(str(one)), tf.io.gfile.stat(str(one))
        assert (ours.length, ours.is_directory) == (theirs.length, theirs.is_directory)
        assert ours.mtime_nsec // 10**9 == theirs.mtime_nsec // 10**9
    with pytest.raises(NotFoundError):
        local_files._LocalFiles.stat(str(tmp_path / "gone"))
