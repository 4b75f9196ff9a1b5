"""How versions appear and go: whole, in order, once each, whoever dies meanwhile."""

from __future__ import annotations

import itertools
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from tfx.types.artifact import Artifact

from tfx_estimators.components import lease
from tfx_estimators.components.locks import hold, holder_of
from tfx_estimators.components.pusher import bucket as buckets
from tfx_estimators.components.pusher.bucket import Bucket
from tfx_estimators.components.pusher.manifest import read_manifest, version_digest
from tfx_estimators.components.pusher.versions import Folder
from tfx_estimators.errors import PushError

pytestmark = pytest.mark.faults

Stage = Callable[..., tuple[pathlib.Path, bool]]


def text_of(folder: pathlib.Path) -> str:
    return (folder / "saved_model.pb").read_text()


def test_versions_grow_and_are_never_replaced(base: pathlib.Path, stage: Stage) -> None:
    made = [stage(str(i))[0] for i in range(5)]
    assert [int(p.name) for p in made] == sorted({int(p.name) for p in made})
    assert [text_of(p) for p in made] == ["0", "1", "2", "3", "4"]
    # As if the clock had been set back since.
    later = base / str(int(time.time()) + 1000)
    made[-1].rename(later)
    assert int(stage("x")[0].name) == int(later.name) + 1


def test_the_newest_model_is_not_published_again(base: pathlib.Path, stage: Stage) -> None:
    first, new = stage("a")
    assert new
    assert stage("a") == (first, False)
    second, _ = stage("b")
    third, new = stage("a")
    assert new, "it was not the newest any more"
    assert [int(p.name) for p in (first, second, third)] == Folder(str(base)).versions()
    # Damaged: it is not what it says, so it does not count.
    (third / "saved_model.pb").write_text("torn")
    assert version_digest(str(third)) is None
    assert stage("a")[1]


def test_old_versions_are_removed(base: pathlib.Path, stage: Stage) -> None:
    made = [stage(str(i))[0] for i in range(4)]
    newest, _ = stage("4", keep=2)
    assert Folder(str(base)).versions() == [int(made[-1].name), int(newest.name)]
    assert sorted(p.name for p in base.iterdir()) == [made[-1].name, newest.name]
    assert stage("4", keep=1) == (newest, False)
    assert Folder(str(base)).versions() == [int(newest.name)]


def test_pushes_at_once_get_a_version_each_and_readers_see_whole_ones(
    base: pathlib.Path, stage: Stage
) -> None:
    done = threading.Event()
    torn: list[str] = []
    looks = 0

    def read() -> None:
        nonlocal looks
        seen: set[str] = set()
        while not done.is_set():
            looks += 1
            for folder in {p for p in base.glob("[0-9]*") if p.name not in seen}:
                if version_digest(str(folder)) is None or read_manifest(str(folder)) is None:
                    torn.append(folder.name)
                seen.add(folder.name)

    def write(name: int) -> None:
        for turn in range(6):
            stage(f"{name} {turn}")
            stage("the same for all")

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert torn == []
    assert looks
    contents = [text_of(base / str(version)) for version in Folder(str(base)).versions()]
    own = [text for text in contents if text != "the same for all"]
    assert sorted(own) == [f"{name} {turn}" for name in range(4) for turn in range(6)]
    pairs = itertools.pairwise(contents)
    assert not any(one == other for one, other in pairs), "never the same twice in a row"


_SLOW_PUSH = """
import pathlib, sys, time
from tfx_estimators.components.pusher.place import copy_tree
from tfx_estimators.components.pusher.versions import Folder
with Folder(sys.argv[1]).staging() as folder:
    def copied(count):
        print("copied", flush=True)
        time.sleep(600)
    copy_tree(sys.argv[2], folder, copied)
"""


def test_a_push_killed_in_the_middle_leaves_nothing_visible_and_is_swept(
    base: pathlib.Path, stage: Stage, model: Artifact
) -> None:
    base.mkdir(parents=True)
    source = str(pathlib.Path(model.uri) / "Format-Serving")
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW_PUSH, str(base), source], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"copied\n"
    stage("while the other is under way")
    assert len(list(base.glob(".staging-*"))) == 2, "a push under way is left alone"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(Folder(str(base)).versions()) == 1
    stage("after the kill")
    assert len(Folder(str(base)).versions()) == 2
    assert list(base.glob(".*")) == []


# Forks: an interpreter for each push would take seconds. It has no threads that this harms.
_KILLED_PUSHES = """
import os, pathlib, signal, sys, time
from tfx_estimators.components.model_digest import hash_model
from tfx_estimators.components.pusher.versions import Folder
from tfx_estimators.components.pusher.manifest import (
    Manifest, read_manifest, version_digest, write_manifest,
)

base = pathlib.Path(sys.argv[1])
base.mkdir(parents=True)
place = Folder(str(base))

def push_on_and_on():
    parent, turn = os.getppid(), 0
    while os.getppid() == parent:
        turn += 1
        with place.staging() as folder:
            (folder / "saved_model.pb").write_text(f"{os.getpid()} {turn}")
            (folder / "variables").mkdir()
            (folder / "variables" / "variables.index").write_text("x" * 100000)
            manifest = Manifest(hash_model(str(folder)), "model", "pipeline", "run", 1.0)
            write_manifest(str(folder), manifest)
            place.publish(folder, manifest.digest, 3)

for turn in range(40):
    before = place.versions()[-1:]
    child = os.fork()
    if not child:
        push_on_and_on()
        os._exit(0)
    while place.versions()[-1:] == before:
        time.sleep(0.0005)
    time.sleep(turn / 4000)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    # More than three where it was killed before it removed the oldest.
    for version in place.versions():
        assert read_manifest(str(base / str(version))) is not None, version
        assert version_digest(str(base / str(version))) is not None, version
print("ended")
"""


def test_pushes_killed_anywhere_never_leave_half_a_version(
    base: pathlib.Path, stage: Stage
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED_PUSHES, str(base)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.stdout == "ended\n", done.stderr
    newest, _ = stage("the last", keep=3)
    assert Folder(str(base)).versions()[-1] == int(newest.name)
    assert len(Folder(str(base)).versions()) == 3
    assert list(base.glob(".*")) == []


def test_a_folder_that_does_not_let_itself_be_locked_says_so(
    base: pathlib.Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.mkdir(parents=True)
    (base / ".push.lock").mkdir()
    with pytest.raises(OSError, match=r"push\.lock"):
        stage("x")
    assert Folder(str(base)).versions() == []


STRAYS: dict[str, Callable[[pathlib.Path], object]] = {
    "20260101": lambda path: path.write_text("a file"),
    "9000000000": lambda path: path.mkdir(),
    "00300": lambda path: shutil.copytree(path.parent / "100", path),
    "\u0663\u0660\u0660": lambda path: shutil.copytree(path.parent / "100", path),
    "9" * 30: lambda path: shutil.copytree(path.parent / "100", path),
    "-5": lambda path: shutil.copytree(path.parent / "100", path),
    "0": lambda path: shutil.copytree(path.parent / "100", path),
}


def test_a_version_is_a_number_of_a_server_and_a_model(base: pathlib.Path, stage: Stage) -> None:
    for number in ("100", "200"):
        (base / number).mkdir(parents=True)
        (base / number / "saved_model.pb").write_text(number)
    for name, make in STRAYS.items():
        make(base / name)
    place = Folder(str(base))
    assert place.versions() == [100, 200]
    newest, _ = stage("new", keep=2)
    # A server takes the empty folder for the newest version, so what is pushed is above it.
    assert int(newest.name) == 9000000001
    assert place.versions() == [200, 9000000001], "what is no version does not count as one"
    assert all(os.path.lexists(base / name) for name in STRAYS)
    (base / str(2**63 - 2)).mkdir()
    with pytest.raises(PushError, match=f"{2**63 - 2} leaves no number"):
        stage("newer")
    assert place.versions() == [200, 9000000001]


def test_a_lock_is_no_link_and_the_owners_alone(base: pathlib.Path, stage: Stage) -> None:
    base.mkdir(parents=True)
    thesis = base.parent / "thesis.txt"
    thesis.write_text("years of work")
    lock = base / ".push.lock"
    for make in (lock.symlink_to, lock.hardlink_to):
        make(thesis)
        with pytest.raises(OSError, match=r"push\.lock"), hold(lock, 1.0, PushError):
            pass
        lock.unlink()
        assert thesis.read_text() == "years of work"
    os.mkfifo(lock)
    assert holder_of(lock) == "another process"
    with pytest.raises(OSError, match="not a file of its own"), hold(lock, 1.0, PushError):
        pass
    lock.unlink()
    before = os.umask(0)
    try:
        with hold(lock, 1.0, PushError):
            assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        with Folder(str(base)).staging() as staged:
            assert stat.S_IMODE(staged.stat().st_mode) == 0o700
        os.umask(0o027)
        version, _ = stage("x")
        assert stat.S_IMODE(version.stat().st_mode) == 0o750, "servers may be others"
    finally:
        os.umask(before)


def test_a_version_that_is_visible_is_a_success(
    base: pathlib.Path, stage: Stage, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    stage("a")
    rename = pathlib.Path.rename

    def no_removal(self: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
        if ".removed-" in target.name:
            raise PermissionError(13, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(pathlib.Path, "rename", no_removal)
    newest, new = stage("b", keep=1)
    assert new
    assert Folder(str(base)).versions()[-1] == int(newest.name)
    assert "warning: older versions" in capfd.readouterr().err


@pytest.fixture
def bucket() -> Bucket:
    """One of TensorFlow's file systems without renames of folders and without locks."""
    return Bucket(f"ram://{uuid.uuid4().hex}/serving")


def test_a_bucket_has_versions_once_their_marker_is_there(stage: Any, bucket: Bucket) -> None:
    first, new = stage("a", at=bucket)
    assert new
    number = int(first.name)
    assert bucket.versions() == [number]
    folder = f"{bucket.base}/{number}"
    assert version_digest(folder) is not None
    assert read_manifest(folder) is not None
    assert stage("a", at=bucket) == (first, False)
    # A push that was killed before the marker, which is what it writes last.
    tf.io.gfile.makedirs(f"{bucket.base}/{number + 5}/variables")
    tf.io.gfile.copy(f"{folder}/variables/variables.index", f"{bucket.base}/{number + 5}/x")
    assert bucket.versions() == [number], "half a version is none"
    second, _ = stage("b", at=bucket, keep=1)
    assert bucket.versions() == [int(second.name)] > [number]
    assert [name for name in tf.io.gfile.listdir(bucket.base) if "lease" in name] == []
    assert len(tf.io.gfile.glob(f"{bucket.base}/*/saved_model.pb")) == 1


def test_what_a_bucket_is_given_last_is_the_marker(
    stage: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    copy = tf.io.gfile.copy

    def fail_at_the_marker(source: str, target: str, overwrite: bool) -> None:
        copied.append(target.rpartition("/")[2])
        if target.endswith("saved_model.pb"):
            raise tf.errors.UnavailableError(None, None, "the bucket is away")
        copy(source, target, overwrite=overwrite)

    with monkeypatch.context() as patch:
        patch.setattr(tf.io.gfile, "copy", fail_at_the_marker)
        with pytest.raises(PushError, match="the bucket is away"):
            stage("a", at=bucket)
    assert copied[-1] == "saved_model.pb"
    assert len(copied) == 3
    assert bucket.versions() == []
    stage("a", at=bucket)
    assert len(bucket.versions()) == 1


def test_a_bucket_that_cannot_be_written_is_named(stage: Any) -> None:
    with pytest.raises(PushError, match="nowhere://bucket/serving cannot be written"):
        stage("a", at=Bucket("nowhere://bucket/serving"))


@pytest.fixture
def quick_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SECONDS_BETWEEN_SIGNATURES", 0.2)
    monkeypatch.setattr(lease, "SECONDS_UNTIL_DEAD", 1.0)


class Paused:
    """`tf.io.gfile` for a push that stands still before one of its copies.

    Another push, which takes its lease over, comes and goes meanwhile.
    """

    def __init__(self, before: str, meanwhile: Callable[[], object]) -> None:
        self._before = before
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(tf.io.gfile, name)

    def copy(self, source: str, target: str, overwrite: bool) -> None:
        if target.endswith(self._before):
            self._meanwhile()
        tf.io.gfile.copy(source, target, overwrite=overwrite)


@pytest.mark.usefixtures("quick_lease")
@pytest.mark.parametrize("pause", ["variables.index", "saved_model.pb"])
def test_a_push_that_lost_its_lease_leaves_no_half_version(
    stage: Any, base: pathlib.Path, monkeypatch: pytest.MonkeyPatch, pause: str
) -> None:
    bucket = Bucket(f"file://{base}")  # In ram:// what is written anew is appended.
    other = Bucket(bucket.base)
    made: list[pathlib.Path] = []
    # As of a process that is stopped: nothing is signed meanwhile.
    monkeypatch.setattr(lease.Lease, "sign", lambda self, number: None)
    bucket._files = Paused(pause, lambda: made.append(stage("theirs", at=other, keep=1)[0]))
    if pause == "saved_model.pb":
        # It had looked just before. All that it had written is there still.
        late, _ = stage("mine", at=bucket)
        assert late.name < made[0].name
    else:
        with pytest.raises(PushError, match="has taken over"):
            stage("mine", at=bucket)
    for number in other.versions():
        assert version_digest(f"{bucket.base}/{number}") is not None, "a version is whole"
        assert read_manifest(f"{bucket.base}/{number}") is not None
    assert other.versions()[-1] == int(made[0].name)
    names = tf.io.gfile.listdir(bucket.base)
    assert sorted(name.strip("/") for name in names if name[0] != ".") == [
        str(number) for number in other.versions()
    ]


@pytest.mark.usefixtures("quick_lease")
def test_a_lease_that_is_lost_stays_lost(base: pathlib.Path) -> None:
    path = f"file://{base}/.push.lease"
    base.mkdir(parents=True)
    theirs = '{"token": "t", "number": 0, "holder": "process 7 on mars"}'
    with lease.hold_lease(path, print, PushError) as held:
        held.check()
        # Not between a look of the thread that signs and its signature.
        with held._lock, tf.io.gfile.GFile(path, "w") as file:
            file.write(theirs)
        time.sleep(0.5)
        with pytest.raises(PushError, match="process 7 on mars has taken over"):
            held.check()
        with tf.io.gfile.GFile(path, "r") as file:
            assert file.read() == theirs, "nothing is signed over it"
        tf.io.gfile.remove(path)
        with pytest.raises(PushError, match="process 7 on mars"):
            held.check()
    assert not tf.io.gfile.exists(path)


def test_two_pushes_never_write_below_one_number(bucket: Bucket) -> None:
    with bucket._claimed() as mine, Bucket(bucket.base)._claimed() as theirs:
        assert mine != theirs


def test_what_killed_pushes_left_in_a_bucket_goes_after_a_day(
    stage: Any, base: pathlib.Path
) -> None:
    bucket = Bucket(f"file://{base}")
    first, _ = stage("a", at=bucket)
    half = base / "1000"
    shutil.copytree(base / first.name, half)
    (half / "saved_model.pb").unlink()
    (base / "2000").mkdir()
    (base / "2000" / "notes.txt").write_text("of a person")
    stage("b", at=bucket)
    assert half.exists(), "its push may only have stood still"
    for path in half.rglob("*"):
        day_ago = time.time() - buckets._SECONDS_UNTIL_ABANDONED - 60
        os.utime(path, (day_ago, day_ago))
    stage("c", at=bucket)
    assert not half.exists()
    assert (base / "2000" / "notes.txt").exists(), "it is none of ours"


def test_a_killed_push_leaves_nothing_in_the_temporary_place(
    tmp_path: pathlib.Path, stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    child = os.fork()
    if not child:
        try:
            with Bucket("ram://bucket").staging() as folder:
                (folder / "variables").mkdir()
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)  # Whatever happened, the tests go on in one process.
    os.waitpid(child, 0)
    assert len(list(temporary.iterdir())) == 2
    with Bucket("ram://bucket").staging() as folder:
        assert {folder.name, f"{folder.name}.lock"} == {p.name for p in temporary.iterdir()}
    assert list(temporary.iterdir()) == []
