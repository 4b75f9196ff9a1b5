"""Going back: by hand, by the command, and what is refused."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from tfx_estimators.cli import main
from tfx_estimators.components.pusher.manifest import read_manifest
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import PushRecord

Stage = Callable[..., tuple[pathlib.Path, bool]]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


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
