"""Pushing: what appears, what never does, and when nothing may."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
import tensorflow as tf
from process_states import has_ended
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from waits import wait_until

from tfx_estimators.components import EstimatorPusher
from tfx_estimators.components.model_digest import hash_model, model_digest
from tfx_estimators.components.pusher.manifest import read_manifest
from tfx_estimators.components.pusher.publication import RECORDS
from tfx_estimators.components.pusher.trial import (
    end_early_trial,
    start_early_trial,
    try_model,
)
from tfx_estimators.components.pusher.versions import Folder
from tfx_estimators.errors import PushError, UnsupportedOptionError
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import PushRecord

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
        **options: Any,
    ) -> Artifact:
        component = EstimatorPusher(
            model=channel(standard_artifacts.Model),
            model_blessing=channel(standard_artifacts.ModelBlessing),
            examples=channel(standard_artifacts.Examples),
            push_destination=destination,
            **options,
        )
        inputs = {"model": model, "model_blessing": blessing, "examples": examples}
        return execute(component, inputs)["pushed_model"]

    return run


def visible(base: pathlib.Path) -> list[str]:
    return sorted(p.name for p in base.iterdir() if not p.name.startswith("."))


@pytest.mark.stacks
def test_a_pushed_model_can_be_served_and_says_where_it_is(
    push: Run, base: pathlib.Path, model: Artifact, capfd: Any
) -> None:
    began = int(time.time())
    pushed = push()
    (version,) = visible(base)
    assert began <= int(version) <= time.time()
    hidden = [path.name for path in base.iterdir() if path.name != version]
    assert hidden == [RECORDS], "nothing else is left"
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == str(base / version)
    assert pushed.get_string_custom_property("pushed_version") == version
    for folder in (base / version, pathlib.Path(pushed.uri)):
        assert "predict" in tf.saved_model.load(str(folder)).signatures
    digest = model_digest(hash_model(f"{model.uri}/Format-Serving"))
    assert pushed.get_string_custom_property("model_digest") == digest
    manifest = read_manifest(str(base / version))
    assert manifest is not None
    assert (manifest.digest, manifest.model_uri) == (digest, model.uri)
    (record,) = read_records(str(base)).values()
    assert isinstance(record, PushRecord)
    assert (record.uri, record.model_uri, record.model_digest, record.version) == (
        pushed.uri, model.uri, digest, version,
    )  # fmt: skip

    again = push()
    assert visible(base) == [version], "the same model makes no new version"
    assert f"version {version} is already this model" in capfd.readouterr().err
    assert again.get_string_custom_property("pushed_version") == version
    assert "predict" in tf.saved_model.load(again.uri).signatures
    archived = read_manifest(again.uri)
    assert archived is not None
    assert (archived.digest, archived.model_uri) == (digest, model.uri)


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


def test_a_trial_that_was_started_early_is_the_one_that_is_used(
    model: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pathlib.Path(model.uri) / "Format-Serving"
    start_early_trial()
    (early,) = trials()
    with monkeypatch.context() as changed:
        changed.setattr("subprocess.Popen", None)
        assert try_model(folder, [])["signatures"] == []
    assert trials() == []
    # One that somebody ended is none.
    start_early_trial()
    (early,) = trials()
    early.kill()
    wait_until(lambda: has_ended(early.pid))
    assert try_model(folder, [])["signatures"] == []
    start_early_trial()
    end_early_trial()
    assert trials() == []


def trials() -> list[psutil.Process]:
    """The processes of this one that try a model, or wait for one."""
    below = psutil.Process().children()
    return [one for one in below if any("canary.py" in word for word in one.cmdline())]


class Talkative(tf.Module):  # type: ignore[misc]
    """Prints what it is asked, which is not text, and ends no line."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        tf.print("hello", output_stream=sys.stdout, end="")
        tf.print(examples, output_stream=sys.stderr)
        return {"p": tf.zeros([tf.size(examples)])}


def test_a_model_may_print_while_it_is_tried(tmp_path: pathlib.Path) -> None:
    model = Talkative()
    folder = tmp_path / "model"
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.serve})
    answer = try_model(folder, [b"\xff\xfe", b""])
    assert answer == {"signatures": ["serving_default"], "examples": 2, "imported": []}


class Endless(tf.Module):  # type: ignore[misc]
    """Never answers."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        count = tf.constant(0)
        while tf.size(examples) > 0:
            count += 1
        return {"count": tf.fill([tf.size(examples)], count)}


_PUSH = """
import sys
from tfx_estimators.components.origin import Origin
from tfx_estimators.components.pusher.place import place_of
from tfx_estimators.components.pusher.publication import Push
source, base, archive = sys.argv[1:]
origin = Origin("pipeline", "run", "EstimatorPusher", None)
Push(source, "model", place_of(base), archive, [b""], None, origin).run(lambda count: None)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_the_trial_ends_with_its_parent_and_leaves_nothing(
    tmp_path: pathlib.Path, base: pathlib.Path, end: signal.Signals
) -> None:
    model, folder, temporary = Endless(), tmp_path / "model", tmp_path / "tmp"
    temporary.mkdir()
    base.mkdir(parents=True)
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.serve})
    parent = subprocess.Popen(
        [sys.executable, "-c", _PUSH, str(folder), str(base), str(tmp_path / "archive")],
        env={**os.environ, "TMPDIR": str(temporary)},
        start_new_session=True,
        # Of tests that run in the background it is ignored, and processes inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    children = pathlib.Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    wait_until(lambda: children.read_text().split() != [])
    trial = pathlib.Path("/proc", children.read_text().split()[0])
    try:
        wait_until(lambda: "tensorflow" in (trial / "maps").read_text())
        assert list(temporary.iterdir()) == []
        if end is signal.SIGINT:
            os.killpg(parent.pid, end)  # As a terminal's Ctrl-C, which both of them get.
        else:
            parent.send_signal(end)
        assert parent.wait(300) == -end
        wait_until(lambda: has_ended(int(trial.name)))
        if end is signal.SIGINT:
            assert list(base.iterdir()) == []
        # What a kill leaves goes with the next push.
        with Folder(str(base)).staging() as staged:
            assert {path.name.removesuffix(".lock") for path in base.iterdir()} == {staged.name}
        assert list(base.iterdir()) == []
    finally:
        parent.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(trial.name), signal.SIGKILL)


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
    push(examples=None, keep_versions=1)
    assert len(visible(base)) == 1


def test_a_push_that_cannot_be_recorded_is_done(push: Run, base: pathlib.Path, capfd: Any) -> None:
    base.mkdir(parents=True)
    (base / RECORDS).write_text("a file where the records should be")
    pushed = push(examples=None)
    assert pushed.get_int_custom_property("pushed") == 1
    assert visible(base) == [pushed.get_string_custom_property("pushed_version")]
    assert "is served, but could not be recorded" in capfd.readouterr().err


def test_an_unwritable_destination_is_an_error_at_once(push: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PushError, match="cannot be written"):
        push(destination=str(tmp_path / "file" / "serving"))
    with pytest.raises(PushError, match="cannot be written"):
        push(destination="/proc/serving")


@pytest.mark.parametrize(
    "destination",
    [
        "",
        pusher_pb2.PushDestination(),
    ],
)
def test_a_destination_that_is_no_folder_is_refused_at_construction(
    channel: Any, destination: Any
) -> None:
    with pytest.raises(PushError, match="push_destination"):
        EstimatorPusher(model=channel(standard_artifacts.Model), push_destination=destination)


@pytest.mark.parametrize("keep", [0, -1, True, "3"])
def test_keeping_no_version_is_refused_at_construction(channel: Any, keep: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match="keep_versions"):
        EstimatorPusher(
            model=channel(standard_artifacts.Model), push_destination="x", keep_versions=keep
        )
