"""Checkpoints on disk: which are damaged, which cannot be read, and whose files are whose."""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import shutil
from collections.abc import Iterator

import pytest
import tensorflow as tf

from tfx_estimators.errors import TrainingError, UnsupportedOptionError
from tfx_estimators.estimator.checkpoints import (
    Checkpoint,
    check_model_dir,
    list_checkpoints,
    recover,
    remove_checkpoint,
)

pytestmark = pytest.mark.stacks
STEPS = [10, 20, 30]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("written")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("v", initializer=[1.0] * 50)
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(max_to_keep=9)
        for step in STEPS:
            saver.save(session, f"{folder}/model.ckpt", global_step=step)
    return folder


@pytest.fixture
def training(written: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(shutil.copytree(written, tmp_path / "training"))


def steps(folder: pathlib.Path) -> list[int]:
    return [checkpoint.step for checkpoint in list_checkpoints(str(folder))]


def test_what_cannot_be_read_for_a_while_is_not_torn(training: pathlib.Path) -> None:
    """As root: rights do not bind it, a folder in a file's place does."""
    data = training / "model.ckpt-30.data-00000-of-00001"
    data.rename(training / "meanwhile")
    data.mkdir()
    with pytest.raises(TrainingError, match=r"model.ckpt-30 cannot be read.*Is a directory"):
        recover(str(training))
    assert steps(training) == STEPS
    data.rmdir()
    (training / "meanwhile").rename(data)
    assert recover(str(training)).torn == ()


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """Within the block no file can be opened, however many this process has open already."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(500, before[0]), before[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_without_descriptors_nothing_is_torn(training: pathlib.Path) -> None:
    names = sorted(path.name for path in training.iterdir())
    with (
        pytest.raises((TrainingError, OSError), match="Too many open files"),
        no_descriptors(),
    ):
        recover(str(training))
    assert sorted(path.name for path in training.iterdir()) == names


@pytest.mark.parametrize("end", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("harm", ["half", "empty", "bit", "gone"])
def test_what_is_damaged_is_moved_aside_with_all_its_bytes(
    training: pathlib.Path, end: str, harm: str
) -> None:
    file = training / f"model.ckpt-30.{end}"
    content = bytearray(file.read_bytes())
    if harm == "gone":
        file.unlink()
    else:
        content[len(content) // 2] ^= 0x10
        size = {"half": len(content) // 2, "empty": 0, "bit": len(content)}[harm]
        file.write_bytes(content[:size])
    left = {path.name: path.read_bytes() for path in training.glob("model.ckpt-30.*")}
    found = recover(str(training))
    assert found.latest is not None
    assert found.latest.step == 20
    assert tf.train.latest_checkpoint(str(training)) == found.latest.prefix
    if end == "index" and harm == "gone":
        return  # Then it is what a writer that was killed leaves.
    assert [torn.step for torn in found.torn] == [30]
    aside = {path.name: path.read_bytes() for path in training.glob("*.torn")}
    assert aside == {f"{name}.torn": content for name, content in left.items()}
    assert recover(str(training)).torn == ()


def test_a_second_one_of_a_step_does_not_replace_the_first(training: pathlib.Path) -> None:
    for text in ("first", "second"):
        (training / "model.ckpt-40.index").write_text(text)
        recover(str(training))
    found = sorted(path.read_text() for path in training.glob("model.ckpt-40.index.torn*"))
    assert found == ["first", "second"]


def test_links_lead_nowhere_and_only_tensorflows_folders_are_removed(
    training: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    other = tmp_path / "other"
    (other / "model.ckpt-7_temp").mkdir(parents=True)
    (other / "model.ckpt-7.data-00000-of-00001").write_text("x")
    (training / "link").symlink_to(other)
    (training / "model.ckpt-9_temp").symlink_to(other / "model.ckpt-7_temp")
    (training / "holiday_temp").mkdir()
    (training / "model.ckpt-8_temp").mkdir()
    (training / "model.ckpt-8_temp/photo.jpg").write_text("x")
    (training / "model.ckpt-31_temp").mkdir()
    (training / "model.ckpt-31_temp/part-00000-of-00001.index").write_text("x")
    (training / "model.ckpt-31.data-00000-of-00001.tempstate123").write_text("x")
    recover(str(training))
    assert sorted(path.name for path in other.iterdir()) == [
        "model.ckpt-7.data-00000-of-00001",
        "model.ckpt-7_temp",
    ]
    assert (training / "holiday_temp").is_dir()
    assert (training / "model.ckpt-8_temp/photo.jpg").exists()
    assert not list(training.glob("model.ckpt-31*"))


def test_a_path_is_no_pattern(tmp_path: pathlib.Path) -> None:
    for name in ("run*", "run1", "s[1]"):
        (tmp_path / name).mkdir()
        for end in ("index", "data-00000-of-00001", "data-of-mine"):
            (tmp_path / name / f"model.ckpt-10.{end}").write_text("x")
    for name in ("run*", "s[1]"):
        remove_checkpoint(Checkpoint(10, f"{tmp_path}/{name}/model.ckpt-10"))
    left = {path.name: len(list(path.iterdir())) for path in tmp_path.iterdir()}
    assert left == {"run*": 1, "run1": 3, "s[1]": 1}


@pytest.mark.parametrize("name", ["run*", "s[1]", "what?"])
def test_a_folder_that_tensorflow_takes_for_a_pattern_is_refused(name: str) -> None:
    check_model_dir("/runs/taxi/checkpoints")
    with pytest.raises(UnsupportedOptionError, match="checkpoint_store"):
        check_model_dir(f"/runs/{name}/checkpoints")
