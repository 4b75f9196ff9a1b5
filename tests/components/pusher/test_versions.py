"""How versions appear and go: whole, in order, once each, whoever dies meanwhile."""

from __future__ import annotations

import itertools
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from tfx.types.artifact import Artifact

from tfx_estimators.components.pusher import versions
from tfx_estimators.components.pusher.manifest import read_manifest, version_digest

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
    assert [int(p.name) for p in (first, second, third)] == versions.versions(base)
    # Damaged: it is not what it says, so it does not count.
    (third / "saved_model.pb").write_text("torn")
    assert version_digest(str(third)) is None
    assert stage("a")[1]


def test_old_versions_are_removed(base: pathlib.Path, stage: Stage) -> None:
    made = [stage(str(i))[0] for i in range(4)]
    newest, _ = stage("4", keep=2)
    assert versions.versions(base) == [int(made[-1].name), int(newest.name)]
    assert sorted(p.name for p in base.iterdir()) == [made[-1].name, newest.name]
    assert stage("4", keep=1) == (newest, False)
    assert versions.versions(base) == [int(newest.name)]


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
    contents = [text_of(base / str(version)) for version in versions.versions(base)]
    own = [text for text in contents if text != "the same for all"]
    assert sorted(own) == [f"{name} {turn}" for name in range(4) for turn in range(6)]
    pairs = itertools.pairwise(contents)
    assert not any(one == other for one, other in pairs), "never the same twice in a row"


_SLOW_PUSH = """
import pathlib, sys, time
from tfx_estimators.components.pusher import versions
base = pathlib.Path(sys.argv[1])
with versions.staging_folder(base) as folder:
    def copied(count):
        print("copied", flush=True)
        time.sleep(600)
    versions.copy_tree(sys.argv[2], folder, copied)
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
    assert len(versions.versions(base)) == 1
    stage("after the kill")
    assert len(versions.versions(base)) == 2
    assert list(base.glob(".*")) == []


# Forks: an interpreter for each push would take seconds. It has no threads that this harms.
_KILLED_PUSHES = """
import os, pathlib, signal, sys, time
from tfx_estimators.components.model_digest import hash_model
from tfx_estimators.components.pusher import versions
from tfx_estimators.components.pusher.manifest import (
    Manifest, read_manifest, version_digest, write_manifest,
)

base = pathlib.Path(sys.argv[1])
base.mkdir(parents=True)

def push_on_and_on():
    parent, turn = os.getppid(), 0
    while os.getppid() == parent:
        turn += 1
        with versions.staging_folder(base) as folder:
            (folder / "saved_model.pb").write_text(f"{os.getpid()} {turn}")
            (folder / "variables").mkdir()
            (folder / "variables" / "variables.index").write_text("x" * 100000)
            manifest = Manifest(hash_model(str(folder)), "model", "pipeline", "run", 1.0)
            write_manifest(str(folder), manifest)
            versions.publish(folder, base, manifest.digest, 3)

for turn in range(40):
    before = versions.versions(base)[-1:]
    child = os.fork()
    if not child:
        push_on_and_on()
        os._exit(0)
    while versions.versions(base)[-1:] == before:
        time.sleep(0.0005)
    time.sleep(turn / 4000)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = versions.versions(base)
    # One more where it was killed before it removed the oldest.
    assert 1 <= len(found) <= 4, found
    for version in found:
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
    assert versions.versions(base)[-1] == int(newest.name)
    assert len(versions.versions(base)) == 3
    assert list(base.glob(".*")) == []


def test_a_folder_that_does_not_let_itself_be_locked_says_so(
    base: pathlib.Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.mkdir(parents=True)
    (base / ".push.lock").mkdir()
    with pytest.raises(OSError, match=r"push\.lock"):
        stage("x")
    assert versions.versions(base) == []
