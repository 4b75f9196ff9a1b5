"""Going back: by hand, by the command, and what is refused."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from tfx_estimators.cli import main
from tfx_estimators.components.model_digest import PUSH_RECORD, hash_model
from tfx_estimators.components.pusher import rollback
from tfx_estimators.components.pusher.manifest import Manifest, read_manifest, write_manifest
from tfx_estimators.components.pusher.place import copy_tree, place_of
from tfx_estimators.components.pusher.rollback import list_versions, roll_back
from tfx_estimators.components.pusher.versions import Folder
from tfx_estimators.errors import PushError
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import PushRecord

Stage = Callable[..., tuple[pathlib.Path, bool]]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def push_text(base: pathlib.Path, text: str) -> None:
    with Folder(str(base)).staging() as folder:
        (folder / "saved_model.pb").write_text(text)
        manifest = Manifest(hash_model(str(folder)), "model", "pipeline", "run", 1.0)
        write_manifest(str(folder), manifest)
        Folder(str(base)).publish(folder, manifest.digest, None)


def served(base: pathlib.Path) -> str:
    newest = max((p for p in base.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name))
    return (newest / "saved_model.pb").read_text()


@pytest.mark.stacks
def test_rollback_goes_back_one_version_each_time(
    base: pathlib.Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (stage(text)[0] for text in "abc")
    monkeypatch.chdir(base.parent)
    result = run("rollback", base.name)
    assert result.exit_code == 0, result.output
    assert served(base) == "b"
    assert third.exists(), "nothing is removed"
    listed = json.loads(run("versions", base, "--json").output)
    assert [one["served"] for one in listed] == [True, False, False, False]
    assert listed[0]["version"] > int(third.name)
    assert listed[0]["rolled_back_to"] == int(second.name)
    assert listed[0]["digest"] == listed[2]["digest"]
    manifest = read_manifest(str(base / str(listed[0]["version"])))
    assert manifest is not None
    assert manifest.model_uri == "model"
    (record,) = read_records(str(base)).values()
    assert isinstance(record, PushRecord)
    assert (record.version, record.node) == (str(listed[0]["version"]), "rollback")
    assert record.model_digest == manifest.digest
    # Not as it was typed: ML Metadata is asked from elsewhere.
    assert record.uri == record.destination == str(base / record.version)

    assert run("rollback", base).exit_code == 0
    assert served(base) == "a"
    result = run("rollback", base)
    assert result.exit_code == 1
    assert f"no version before {first.name}" in result.output
    assert run("rollback", base, "--to", third.name).exit_code == 0
    assert served(base) == "c"
    # What is served is not published once more.
    result = run("rollback", base, "--to", third.name)
    assert "is already what servers see" in result.output
    assert len(json.loads(run("versions", base, "--json").output)) == 6
    table = run("versions", base).output
    assert f"served, back to {third.name}" in table


def test_a_new_push_after_a_rollback_is_the_newest(base: pathlib.Path, stage: Stage) -> None:
    for text in "ab":
        stage(text)
    run("rollback", base)
    assert served(base) == "a"
    assert stage("b")[1], "the refused model may be pushed again, by who wants it"
    assert served(base) == "b"
    run("rollback", base)
    assert served(base) == "a"


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "\u00fcml\u00e4ut",
        "e\u0301",
        "s[1]*?",
        "%41 %s {x}",
        "new\nline",
        "-x",
        "x" * 250,
    ],
)
def test_a_folder_of_any_name_holds_versions(tmp_path: pathlib.Path, name: str) -> None:
    base = tmp_path / name / "serving"
    base.mkdir(parents=True)
    for text in "ab":
        push_text(base, text)
    assert run("versions", base).exit_code == 0
    assert run("rollback", base).exit_code == 0
    assert served(base) == "a"
    assert len(read_records(str(base))) == 1


def test_a_damaged_version_is_not_served_again(base: pathlib.Path, stage: Stage) -> None:
    first, _ = stage("a")
    stage("b")
    (first / "variables" / "variables.index").unlink()
    assert "DAMAGED" in run("versions", base).output
    result = run("rollback", base)
    assert result.exit_code == 1
    assert f"version {first.name}" in result.output
    assert "is damaged" in result.output
    assert served(base) == "b"
    # Of the same size: seen only by who reads it.
    (first / "variables" / "variables.index").write_text("x")
    assert "DAMAGED" not in run("versions", base).output
    assert "is damaged" in run("rollback", base).output


def test_versions_of_another_pusher_are_listed_and_gone_back_to(
    base: pathlib.Path, stage: Stage
) -> None:
    (base / "7").mkdir(parents=True)
    (base / "7" / "saved_model.pb").write_text("a")
    stage("b")
    assert json.loads(run("versions", base, "--json").output)[1]["digest"] is None
    assert run("rollback", base).exit_code == 0
    assert served(base) == "a"


TEARS: dict[str, Callable[[bytes], bytes]] = {
    "half of it": lambda text: text[: len(text) // 2],
    "nothing": lambda text: b"",
    "no UTF-8": lambda text: b"\xff" + text,
    "a list": lambda text: b"[1, 2]",
    "another format": lambda text: text.replace(b'"format": 1', b'"format": 2'),
    "other files": lambda text: text.replace(b'"size": 1,', b'"size": 2,', 1),
    "a time in milliseconds": lambda text: text.replace(b'time": 1.0', b'time": 1.7e12'),
    "a time that is none": lambda text: text.replace(b'time": 1.0', b'time": NaN'),
    "a version that is none": lambda text: text.replace(b'_to": null', b'_to": -1'),
    "deep": lambda text: b"[" * 100_000,
}


@pytest.mark.parametrize("tear", TEARS)
def test_a_version_whose_manifest_is_torn_is_not_believed(
    base: pathlib.Path, stage: Stage, tear: str
) -> None:
    first, _ = stage("a")
    second, _ = stage("b")
    manifest = first / PUSH_RECORD
    torn = TEARS[tear](manifest.read_bytes())
    assert torn != manifest.read_bytes()
    manifest.write_bytes(torn)
    assert [one.whole for one in list_versions(place_of(str(base)))] == [True, False]
    assert f"version {first.name}: the manifest {manifest}" in run("versions", base).output
    result = run("rollback", base)
    assert result.exit_code == 1
    assert str(manifest) in result.output
    assert served(base) == "b"
    # Of what is served it is not known then what came before; asked for, any whole one will do.
    (second / PUSH_RECORD).write_bytes(torn)
    first_again, _ = stage("a")
    stage("c")
    (base / str(list_versions(place_of(str(base)))[0].version) / PUSH_RECORD).write_bytes(torn)
    assert "--to VERSION" in run("rollback", base).output
    assert run("rollback", base, "--to", first_again.name).exit_code == 0
    assert served(base) == "a"


def test_links_and_pipes_in_a_version_are_pointed_out(base: pathlib.Path, stage: Stage) -> None:
    damage: list[Callable[[pathlib.Path], object]] = [
        lambda path: path.symlink_to(path.parent),
        lambda path: path.symlink_to("/"),
        lambda path: path.symlink_to(path),
        lambda path: path.symlink_to("nowhere"),
        os.mkfifo,
    ]
    for number, make in enumerate(damage):
        make(stage(str(number))[0] / "variables" / "more")
    pushed, _ = stage("a pipe for a manifest")
    (pushed / PUSH_RECORD).unlink()
    os.mkfifo(pushed / PUSH_RECORD)
    stage("whole")
    found = list_versions(place_of(str(base)))
    assert [one.whole for one in found] == [True] + [False] * 6
    for one in found[1:]:
        with pytest.raises(PushError):
            roll_back(place_of(str(base)), one.version)
    assert served(base) == "whole"


def test_nothing_is_removed_while_a_version_is_copied(
    base: pathlib.Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, _ = stage("a")
    stage("b")
    pushes: list[threading.Thread] = []

    def copy_slowly(source: str, target: pathlib.Path, copied: Callable[[int], None]) -> None:
        push = threading.Thread(target=stage, args=("c", 1))
        push.start()
        pushes.append(push)
        push.join(1.0)  # It has the time to remove the version; it waits instead.
        assert oldest.exists()
        copy_tree(source, target, copied)

    monkeypatch.setattr(rollback, "copy_tree", copy_slowly)
    done = roll_back(place_of(str(base)), int(oldest.name))
    pushes[0].join()
    assert Folder(str(base)).versions()[-1] > int(done.version)
    assert served(base) == "c"


def test_a_rollback_during_a_push_loses_neither(base: pathlib.Path, stage: Stage) -> None:
    for text in "ab":
        stage(text)
    place = Folder(str(base))
    with place.staging() as folder:
        (folder / "saved_model.pb").write_text("c")
        assert run("rollback", base).exit_code == 0
        assert served(base) == "a"
        manifest = Manifest(hash_model(str(folder)), "model", "pipeline", "run", 1.0)
        write_manifest(str(folder), manifest)
        place.publish(folder, manifest.digest, 2)
    assert served(base) == "c"
    assert [one.whole for one in list_versions(place)] == [True, True]
    assert run("rollback", base).exit_code == 0
    assert served(base) == "a"


_PUSH = """
import pathlib, sys
from tfx_estimators.components.model_digest import hash_model
from tfx_estimators.components.pusher.manifest import Manifest, write_manifest
from tfx_estimators.components.pusher.versions import Folder
place = Folder(sys.argv[1])
with place.staging() as folder:
    (folder / "saved_model.pb").write_text(sys.argv[2])
    manifest = Manifest(hash_model(str(folder)), "model", "pipeline", "run", 1.0)
    write_manifest(str(folder), manifest)
    place.publish(folder, manifest.digest, None)
"""


@pytest.mark.slow  # Needs libfaketime.
def test_the_newest_version_is_the_one_pushed_last_whatever_the_clock_says(
    base: pathlib.Path, stage: Stage
) -> None:
    stage("a")
    ahead = ["faketime", "--exclude-monotonic", "-f", "+3d"]
    subprocess.run([*ahead, sys.executable, "-c", _PUSH, str(base), "b"], check=True)
    stage("c")
    assert served(base) == "c"
    listed = list_versions(place_of(str(base)))
    assert listed[1].version > time.time() + 2 * 24 * 3600
    for earlier in "ba":
        assert run("rollback", base).exit_code == 0
        assert served(base) == earlier


def test_a_copy_that_is_not_what_was_pushed_is_not_served(
    base: pathlib.Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = stage("a")
    stage("b")
    # Of TFX's own pusher, which knows no lock and writes no manifest, all is compared too.
    stock = base / "7"
    shutil.copytree(first, stock)
    (stock / PUSH_RECORD).unlink()

    def copy_half(source: str, target: pathlib.Path, copied: Callable[[int], None]) -> None:
        copy_tree(source, target, copied)
        (target / "variables" / "variables.index").unlink()

    monkeypatch.setattr(rollback, "copy_tree", copy_half)
    for version in (first, stock):
        with pytest.raises(PushError, match="its files are not those that were pushed"):
            roll_back(place_of(str(base)), int(version.name))
    assert served(base) == "b"


def test_a_rollback_that_cannot_be_recorded_is_done(base: pathlib.Path, stage: Stage) -> None:
    for text in "ab":
        stage(text)
    (base / ".records").write_text("a file where the records should be")
    result = run("rollback", base)
    assert result.exit_code == 0
    assert "is served, but could not be recorded" in result.output
    assert "is now what servers see" in result.output
    assert served(base) == "a"


def test_many_versions_are_listed_without_tensorflow(base: pathlib.Path, stage: Stage) -> None:
    first, _ = stage("the first")
    manifest = read_manifest(str(first))
    assert manifest is not None
    for number in range(400):
        version = base / str(int(first.name) + 1 + number)
        shutil.copytree(first, version)
        text = str(number)
        (version / "saved_model.pb").write_text(text)
    code = """
import sys, time
from tfx_estimators.cli import main
for arguments in (["versions", sys.argv[1]], ["rollback", sys.argv[1], "--to", sys.argv[2]]):
    main(arguments, standalone_mode=False)
loaded = sorted({"tensorflow", "tfx", "numpy", "pandas"} & set(sys.modules))
print(f"seconds {time.process_time():.3f}", *loaded)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(base), first.name],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *listed, now, last = done.stdout.splitlines()
    assert len([line for line in listed if line.split()[0].isdecimal()]) == 401
    assert "is now what servers see" in now
    what, seconds, *loaded = last.split()
    assert (what, loaded) == ("seconds", [])
    # Of the processor, for two commands: what others do on the machine does not count.
    assert float(seconds) < 4
    assert len(Folder(str(base)).versions()) == 402


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["versions", "nowhere"], ["there are no versions in", "nowhere", "push_destination"]),
        (["rollback", "nowhere"], ["there are no versions in", "nowhere"]),
        (["rollback", "BASE", "--to", "12"], ["no version 12", "tfx-estimators versions"]),
        (["rollback", "BASE", "--to", "x"], ["--to", "'x'"]),
        (["rollback", "BASE", "--server", "localhost"], ["'localhost'", "HOST:PORT"]),
        (["rollback", "BASE", "--model-name", "taxi"], ["--model-name without --server"]),
    ],
)
def test_bad_input(
    base: pathlib.Path, stage: Stage, arguments: list[str], words: list[str]
) -> None:
    for text in "ab":
        stage(text)
    result = run(*[str(base) if one == "BASE" else one for one in arguments])
    assert result.exit_code != 0
    assert all(word in result.output for word in words), result.output
    assert served(base) == "b", "nothing was done"
