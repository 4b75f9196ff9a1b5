"""Pushing: what appears, what never does, and when nothing may."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators.components import EstimatorPusher
from tfx_estimators.components.pusher import versions
from tfx_estimators.components.pusher.trial import try_model
from tfx_estimators.errors import PushError, UnsupportedOptionError

Run = Callable[..., Artifact]


@pytest.fixture
def base(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "serving" / "taxi"


@pytest.fixture
def push(
    execute: Any, channel: Any, examples: Artifact, model: Artifact, base: pathlib.Path
) -> Run:
    """`push(...)` returns the PushedModel artifact."""

    def run(
        *,
        model: Artifact = model,
        blessing: Artifact | None = None,
        examples: Artifact | None = examples,
        destination: Any = str(base),
    ) -> Artifact:
        component = EstimatorPusher(
            model=channel(standard_artifacts.Model),
            model_blessing=channel(standard_artifacts.ModelBlessing),
            examples=channel(standard_artifacts.Examples),
            push_destination=destination,
        )
        inputs = {"model": model, "model_blessing": blessing, "examples": examples}
        return execute(component, inputs)["pushed_model"]

    return run


def visible(base: pathlib.Path) -> list[str]:
    return sorted(p.name for p in base.iterdir() if not p.name.startswith("."))


@pytest.mark.stacks
def test_a_pushed_model_can_be_served_and_says_where_it_is(push: Run, base: pathlib.Path) -> None:
    pushed = push()
    (version,) = visible(base)
    assert abs(int(version) - time.time()) < 60
    assert list(base.iterdir()) == [base / version], "nothing hidden is left"
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == str(base / version)
    assert pushed.get_string_custom_property("pushed_version") == version
    for folder in (base / version, pathlib.Path(pushed.uri)):
        assert "predict" in tf.saved_model.load(str(folder)).signatures


def test_a_stock_destination_is_understood(push: Run, base: pathlib.Path) -> None:
    filesystem = pusher_pb2.PushDestination.Filesystem(base_directory=str(base))
    push(destination=pusher_pb2.PushDestination(filesystem=filesystem))
    assert len(visible(base)) == 1


@pytest.mark.parametrize(("blessed", "expected"), [(1, 1), (0, 0), (None, 0)])
def test_only_a_blessed_model_is_pushed(
    push: Run, base: pathlib.Path, blessed: int | None, expected: int
) -> None:
    blessing = standard_artifacts.ModelBlessing()
    if blessed is not None:
        blessing.set_int_custom_property("blessed", blessed)
    pushed = push(blessing=blessing)
    assert pushed.get_int_custom_property("pushed") == expected
    assert pushed.has_custom_property("pushed_destination") == bool(expected)
    assert len(visible(base)) == expected


def test_a_model_tried_in_its_own_process_needs_tensorflow_only(model: Artifact) -> None:
    answer = try_model(pathlib.Path(model.uri) / "Format-Serving", [])
    assert answer == {"signatures": [], "examples": 0, "imported": []}


@pytest.mark.parametrize("damage", ["variables", "graph", "nan"])
def test_a_model_that_does_not_work_is_not_published(
    push: Run, make_model: Any, base: pathlib.Path, tmp_path: pathlib.Path, damage: str
) -> None:
    slope = float("nan") if damage == "nan" else 2.0
    broken = make_model(tmp_path / "broken", slope=slope)
    folder = tmp_path / "broken" / "Format-Serving"
    if damage == "variables":
        next((folder / "variables").glob("*.data-*")).write_bytes(b"")
    elif damage == "graph":
        content = (folder / "saved_model.pb").read_bytes()
        (folder / "saved_model.pb").write_bytes(content[: len(content) // 2])
    with pytest.raises(PushError, match="not pushed"):
        push(model=broken)
    assert list(base.iterdir()) == []


def test_a_model_that_cannot_read_the_examples_is_not_published(
    push: Run, make_examples: Any, example: Any, base: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    other = make_examples(tmp_path / "in", {"eval": [example(color="red"), example(color="red")]})
    with pytest.raises(PushError, match="not pushed"):
        push(examples=other)
    assert list(base.iterdir()) == []
    push(examples=None)
    assert len(visible(base)) == 1


def test_an_unwritable_destination_is_an_error_at_once(push: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    begin = time.monotonic()
    with pytest.raises(PushError, match="cannot be written"):
        push(destination=str(tmp_path / "file" / "serving"))
    assert time.monotonic() - begin < 1.0
    with pytest.raises(PushError, match="cannot be written"):
        push(destination="/proc/serving")


@pytest.mark.parametrize(
    "destination",
    [
        "",
        "gs://bucket/serving",
        pusher_pb2.PushDestination(),
    ],
)
def test_a_destination_that_is_no_folder_is_refused_at_construction(
    channel: Any, destination: Any
) -> None:
    with pytest.raises((PushError, UnsupportedOptionError), match="push_destination"):
        EstimatorPusher(model=channel(standard_artifacts.Model), push_destination=destination)


def stage(base: pathlib.Path, text: str) -> pathlib.Path:
    with versions.staging_folder(base) as folder:
        (folder / "saved_model.pb").write_text(text)
        return versions.publish(folder, base)


def test_versions_grow_and_are_never_replaced(base: pathlib.Path) -> None:
    base.mkdir(parents=True)
    made = [stage(base, str(i)) for i in range(5)]
    assert [int(p.name) for p in made] == sorted({int(p.name) for p in made})
    assert [(p / "saved_model.pb").read_text() for p in made] == ["0", "1", "2", "3", "4"]
    later = base / str(int(time.time()) + 1000)
    later.mkdir()
    assert int(stage(base, "x").name) == int(later.name) + 1


def test_pushes_at_once_get_a_version_each_and_readers_see_whole_ones(
    base: pathlib.Path,
) -> None:
    base.mkdir(parents=True)
    done = threading.Event()
    torn: list[pathlib.Path] = []

    def read() -> None:
        while not done.is_set():
            torn.extend(p for p in base.glob("[0-9]*") if not (p / "last").exists())

    def write(name: int) -> None:
        for turn in range(10):
            with versions.staging_folder(base) as folder:
                for part in ("saved_model.pb", "variables", "last"):
                    (folder / part).write_text(f"{name} {turn}")
                versions.publish(folder, base)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert torn == []
    contents = {(p / "saved_model.pb").read_text() for p in base.iterdir()}
    assert contents == {f"{name} {turn}" for name in range(4) for turn in range(10)}


_SLOW_PUSH = """
import pathlib, sys, time
from tfx_estimators.components.pusher import versions
base = pathlib.Path(sys.argv[1])
with versions.staging_folder(base) as folder:
    def copied(count):
        print("copied", flush=True)
        time.sleep(60)
    versions.copy_tree(sys.argv[2], folder, copied)
    versions.publish(folder, base)
"""


def test_a_push_killed_in_the_middle_leaves_nothing_visible_and_is_swept(
    base: pathlib.Path, model: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.mkdir(parents=True)
    source = str(pathlib.Path(model.uri) / "Format-Serving")
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW_PUSH, str(base), source], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"copied\n"
    monkeypatch.setattr(versions, "_SECONDS_BEFORE_SWEEP", 0.0)
    stage(base, "while the other is under way")
    assert len(list(base.glob(".staging-*"))) == 1, "a push under way is left alone"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(visible(base)) == 1
    assert len(list(base.glob(".staging-*"))) == 1
    stage(base, "after the kill")
    assert len(visible(base)) == 2
    assert list(base.glob(".staging-*")) == []
