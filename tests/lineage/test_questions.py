"""Runs, checkpoints, models and the ways between them, asked as users ask."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import sqlite3
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tfx_estimators.cli import main
from tfx_estimators.lineage.database.connection import config_of
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE
from tfx_estimators.lineage.record_files import write_record
from tfx_estimators.lineage.records import ArtifactRecord, CheckpointRecord, PushRecord
from tfx_estimators.lineage.select import Condition, select
from tfx_estimators.lineage.store import open_store

pytestmark = pytest.mark.stacks


@pytest.fixture
def ask(world: Any, told: Any) -> Any:
    told()

    def invoke(*arguments: str, fails: bool = False) -> Result:
        result = CliRunner().invoke(main, [*arguments, "--metadata", str(world.database)])
        assert (result.exit_code != 0) == fails, result.output
        return result

    return invoke


@pytest.fixture
def facts(ask: Any) -> Any:
    return lambda *arguments: json.loads(ask(*arguments, "--json").output)


def test_runs_and_their_steps(ask: Any, facts: Any) -> None:
    listed = facts("runs")
    assert [run["name"] for run in listed] == ["run-2", "run-1"]
    assert all(run["pipeline"] == "small" for run in listed)
    # The interrupted trainer was tried again and ended well.
    assert {run["state"] for run in listed} == {"complete"}
    steps = facts("runs", "run-1")["steps"]
    assert [(s["node"], s["state"]) for s in steps] == [
        ("Gen", "complete"), ("Trainer", "failed"), ("Trainer", "complete"), ("Pusher", "complete"),
    ]  # fmt: skip
    assert "run-2" in ask("runs", "latest").output
    assert facts("runs", "--pipeline", "nothing") == []


def test_checkpoints_are_listed_filtered_and_shown(ask: Any, facts: Any) -> None:
    assert [c["step"] for c in facts("checkpoints")] == [200, 200, 100]
    assert [c["step"] for c in facts("checkpoints", "--fingerprint", "f1f1")] == [200, 100]
    assert [c["step"] for c in facts("checkpoints", "--min-step", "150")] == [200, 200]
    (newest,) = facts("checkpoints", "--limit", "1")
    assert facts("checkpoints", newest["digest"][:12]) == newest
    assert facts("checkpoints", str(newest["id"])) == newest
    assert facts("checkpoints", newest["uri"]) == newest
    assert newest["metrics"]["auc"] == pytest.approx(0.7)
    assert "auc=0.7" in ask("checkpoints").output


def test_the_newest_checkpoint_is_the_one_of_the_last_step(
    world: Any, told: Any, ask: Any, facts: Any
) -> None:
    # In order of text, 1000 comes before 300. All are told at once, as at the end of a run.
    for step in (300, 999, 1000):
        world.checkpoint(2, step, attempt=2)
    told()
    assert [c["step"] for c in facts("checkpoints", "--limit", "3")] == [1000, 999, 300]


def test_models_say_where_they_come_from_and_went(ask: Any, facts: Any) -> None:
    newest, older = facts("models")
    assert newest["step"] == 200
    assert [version["version"] for version in older["versions"]] == ["101"]
    assert facts("models", "101") == older
    assert facts("models", "/serving/102") == newest
    assert facts("models", newest["digest"][:8]) == newest
    known = facts("checkpoints", newest["checkpoint_digest"][:12])["uri"]
    assert known.endswith("2/model.ckpt-200")


def test_from_a_version_to_its_rows_and_back(ask: Any, facts: Any) -> None:
    up = facts("lineage", "101")
    assert [node["type"] for node in up] == [
        "PushedModel", "Model", "Examples", CHECKPOINT_TYPE, CHECKPOINT_TYPE,
    ]  # fmt: skip
    steps = {n["properties"].get("step") for n in up if n["type"] == CHECKPOINT_TYPE}
    assert steps == {100, 200}
    assert up[2]["uri"] == "/data/examples"
    down = facts("lineage", "span:7", "--down")
    # Both runs have read them.
    assert sum(node["type"] == "PushedModel" for node in down) == 2
    assert sum(node["type"] == CHECKPOINT_TYPE for node in down) == 3
    shown = ask("lineage", "101").output
    assert shown.index("PushedModel") < shown.index("Model") < shown.index("/data/examples")


def test_a_rollback_is_a_push_of_the_older_model(
    world: Any, told: Any, ask: Any, facts: Any
) -> None:
    older = facts("models", "101")
    record = PushRecord(
        pipeline="small", run="rollback-103", node="rollback", wall_time=30.0, uri="/serving/103",
        version="103", destination="/serving/103", model_uri=older["uri"],
        model_digest=older["digest"],
    )  # fmt: skip
    write_record(str(world.records), record)
    done = told()
    assert (done.artifacts, done.waiting) == (1, 0)
    assert told().artifacts == 0
    assert [one["version"] for one in facts("models", "103")["versions"]] == ["101", "103"]
    assert "/data/examples" in [node["uri"] for node in facts("lineage", "103")]
    down = facts("lineage", "span:7", "--down")
    assert sum(node["type"] == "PushedModel" for node in down) == 3


@pytest.mark.parametrize("spelled", ["SERVING/103", "SERVING//./103", "serving/103"])
def test_a_rollback_to_a_version_of_another_pusher_has_its_model(
    world: Any, told: Any, facts: Any, ask: Any, tmp_path: pathlib.Path, spelled: str
) -> None:
    # A stock Pusher leaves a relative path relative, and no uri of the model beside the version.
    serving = str(tmp_path / "serving")
    stock = ArtifactRecord(
        key="pushed_model", type="PushedModel", uri="/run-3/pushed",
        properties={"pushed": 1, "pushed_version": "103",
                    "pushed_destination": spelled.replace("SERVING", serving)},
    )  # fmt: skip
    model = ArtifactRecord(key="model", type="Model", uri="/run-3/model")
    world.step("run-3", "Trainer", 32, outputs=(model,))
    world.step("run-3", "Pusher", 33, inputs=(model,), outputs=(stock,))
    folder = f"{serving}/104"
    record = PushRecord(
        pipeline="small", run="rollback-104", node="rollback", wall_time=40.0, uri=folder,
        version="104", destination=folder, model_uri="", model_digest="d" * 64,
        rolled_back_to=f"{serving}/103",
    )  # fmt: skip
    write_record(str(world.records), record)
    told()
    assert facts("models", "104")["uri"] == "/run-3/model"
    assert facts("models", folder)["uri"] == "/run-3/model"
    versions = facts("models", "/run-3/model")["versions"]
    assert [(one["version"], one["served"]) for one in versions] == [("103", False), ("104", True)]
    assert "104 (served)" in ask("models").output
    # Of another folder the newest is another one.
    assert [one["served"] for one in facts("models", "102")["versions"]] == [True]
    assert [one["served"] for one in facts("models", "101")["versions"]] == [False]


def test_a_version_that_two_pipelines_have_pushed_is_not_guessed(
    world: Any, told: Any, facts: Any, ask: Any, tmp_path: pathlib.Path
) -> None:
    serving = str(tmp_path / "serving")
    model = ArtifactRecord(key="model", type="Model", uri="/run-3/model")
    pushed = ArtifactRecord(
        key="pushed_model", type="PushedModel", uri="/run-3/pushed",
        properties={"pushed": 1, "pushed_version": "102", "pushed_destination": f"{serving}/102"},
    )  # fmt: skip
    world.step("run-3", "Trainer", 32, outputs=(model,))
    world.step("run-3", "Pusher", 33, inputs=(model,), outputs=(pushed,))
    told()
    for command in ("models", "lineage"):
        assert "2 models match '102'" in ask(command, "102", fails=True).output
    for spelled in (f"{serving}/102", f"{serving}//./102", f"{serving}/102/"):
        assert facts("lineage", spelled)[0]["uri"] == "/run-3/pushed"


def test_what_two_runs_did_differently(facts: Any, ask: Any) -> None:
    found = {d["name"]: (d["left"], d["right"]) for d in facts("diff", "run-1", "run-2")}
    assert found["Trainer.custom_config.seed"] == (1, 2)
    assert "no difference" in ask("diff", "run-1", "run-1").output


def test_what_one_run_has_no_files_of_is_not_called_a_difference(
    world: Any, told: Any, facts: Any, ask: Any, tmp_path: pathlib.Path
) -> None:
    for run, accuracy in (("run-3", 0.5), ("run-4", 0.75)):
        folder = tmp_path / run
        folder.mkdir()
        slices = [{"slice": "overall", "metrics": {"accuracy": accuracy}}]
        (folder / "report.json").write_text(json.dumps({"slices": slices}))
        evaluation = ArtifactRecord(key="evaluation", type="ModelEvaluation", uri=str(folder))
        world.step(run, "Evaluator", int(run[-1]) * 10, outputs=(evaluation,))
    told()
    (found,) = facts("diff", "run-3", "run-4")
    assert (found["name"], found["delta"]) == ("overall accuracy", 0.25)
    shutil.rmtree(tmp_path / "run-3")
    assert facts("diff", "run-3", "run-4") == []
    said = ask("diff", "run-3", "run-4").output
    assert "not compared, as files of run-3 are gone: metrics of the evaluation" in said


def test_tables_and_reading_everything_find_the_same(world: Any, ask: Any) -> None:
    quick, slow = open_store(world.database), open_store(world.database)
    slow.database = None
    questions = [
        ("artifacts", CHECKPOINT_TYPE, []),
        ("artifacts", CHECKPOINT_TYPE, [Condition("step", ">=", 150)]),
        ("artifacts", CHECKPOINT_TYPE, [Condition("metric.auc", ">", 0.65)]),
        ("artifacts", CHECKPOINT_TYPE, [Condition("step", "IN", (100, 7))]),
        ("artifacts", CHECKPOINT_TYPE, [Condition("fingerprint", "PREFIX", "f1")]),
        ("artifacts", CHECKPOINT_TYPE, [Condition("fingerprint", "PREFIX", "F1")]),
        ("artifacts", CHECKPOINT_TYPE, [Condition("state", "=", "LIVE")]),
        ("artifacts", CHECKPOINT_TYPE, [Condition("step", "=", "100")]),
        ("artifacts", "Model", [Condition("step", "!=", 100)]),
        ("artifacts", "Nothing", []),
        ("artifacts", None, [Condition("uri", "=", "/data/examples")]),
        ("executions", "a.Trainer", [Condition("last_known_state", "=", "FAILED")]),
        ("contexts", "pipeline_run", [Condition("name", "PREFIX", "run-")]),
    ]
    for kind, type_name, conditions in questions:
        for limit, newest_first in [(None, False), (2, True)]:
            options: Any = {"limit": limit, "newest_first": newest_first}
            found = [
                [thing.id for thing in select(store, kind, type_name, conditions, **options)]
                for store in (quick, slow)
            ]
            assert found[0] == found[1], (kind, type_name, conditions)


def test_gc_leaves_what_a_model_or_a_training_needs(world: Any, ask: Any) -> None:
    for step in (20, 40, 60):
        world.checkpoint(2, step, attempt=2)
    before = sorted(world.checkpoints.rglob("*.index"))
    listed = ask("gc", str(world.checkpoints), "--keep-last", "1").output
    assert "4 checkpoints" in listed
    assert sorted(world.checkpoints.rglob("*.index")) == before
    ask("gc", str(world.checkpoints), "--keep-last", "1", "--delete")
    left = {p.relative_to(world.checkpoints).as_posix() for p in world.checkpoints.rglob("*.index")}
    # Of the first training the one that was resumed from is no model's: it went too.
    assert left == {"1/model.ckpt-200.index", "2/model.ckpt-200.index"}
    assert "nothing to remove" in ask("gc", str(world.checkpoints), "--keep-last", "2").output
    kept = json.loads(ask("checkpoints", "--kept", "--json").output)
    assert len(kept) == 2


def test_an_unknown_thing_is_said_with_what_to_do(ask: Any) -> None:
    for arguments, expected in [
        (("runs", "run-3"), "such as 'run-"),
        (("runs", "run"), "2 runs begin with 'run'"),
        (("checkpoints", "abcdef"), "has no checkpoint 'abcdef'"),
        (("models", "77"), "has no model '77'"),
        (("lineage", "span:99"), "has nothing called 'span:99'"),
        (("diff", "run-1", "nothing"), "has no run 'nothing'"),
        (("gc", "/nowhere"), "there is no folder /nowhere"),
        (("import", "/nowhere"), "there is no folder /nowhere"),
        (("gc", __file__), "there is no folder"),
        (("gc", str(pathlib.Path(__file__).parent)), "is not a checkpoint store"),
        (("runs", ""), "has no run ''"),
        (("models", ""), "has no model ''"),
        (("checkpoints", ""), "has no checkpoint ''"),
        (("import", __file__), "there is no folder"),
        (("restore", "abcdef", "/tmp/never"), "has no checkpoint"),
    ]:
        assert expected in ask(*arguments, fails=True).output


def test_a_store_that_is_none(tmp_path: pathlib.Path) -> None:
    def fails(place: object) -> str:
        result = CliRunner().invoke(main, ["runs", "--metadata", str(place)])
        assert result.exit_code != 0
        return result.output

    assert "there is no store" in fails(tmp_path / "missing.sqlite")
    (tmp_path / "empty.sqlite").touch()
    assert "is empty: nothing was ever recorded" in fails(tmp_path / "empty.sqlite")
    assert (tmp_path / "empty.sqlite").stat().st_size == 0
    (tmp_path / "text.sqlite").write_text("no database" * 100)
    assert "cannot be read as a store" in fails(tmp_path / "text.sqlite")
    with sqlite3.connect(tmp_path / "other.sqlite") as connection:
        connection.execute("CREATE TABLE MLMDEnv (schema_version INTEGER)")
        connection.execute("INSERT INTO MLMDEnv VALUES (11)")
    assert "schema version 11" in fails(tmp_path / "other.sqlite")
    assert "does not name an ML Metadata store" in fails("http://somewhere")
    assert "***" in fails("mysql://user:secret@/")
    assert "secret" not in fails("mysql://user:secret@/")
    (tmp_path / "torn.pbtxt").write_text("sqlite {")
    assert "does not describe a connection" in fails(tmp_path / "torn.pbtxt")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "empty.sqlite", "other.sqlite", "text.sqlite", "torn.pbtxt",
    ]  # fmt: skip


def test_import_makes_a_store_only_when_asked(world: Any, tmp_path: pathlib.Path) -> None:
    database = tmp_path / "new" / "store.sqlite"
    arguments = ["import", *world.folders(), "--metadata", str(database)]
    refused = CliRunner().invoke(main, arguments)
    assert refused.exit_code != 0
    assert not database.exists()
    done = CliRunner().invoke(main, [*arguments, "--create"])
    assert done.exit_code == 0, done.output
    assert "8 artifacts" in done.output
    again = CliRunner().invoke(main, arguments)
    assert "0 artifacts and 0 events" in again.output


def test_a_store_that_is_locked_is_not_taken_for_a_wrong_file(
    world: Any, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told()
    monkeypatch.setattr("tfx_estimators.lineage.database.sqlite_file._SECONDS", 0.2)
    with contextlib.closing(sqlite3.connect(world.database)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        result = CliRunner().invoke(main, ["runs", "--metadata", str(world.database)])
    assert result.exit_code == 1
    assert "was locked by another process" in result.output
    assert "right file" not in result.output


def test_names_out_of_records_reach_the_terminal_escaped(tmp_path: pathlib.Path) -> None:
    record = CheckpointRecord(
        pipeline="p\x1b]0;title\x07", run="r\x1b[2J", node="n\u202e", execution="e", wall_time=1e9,
        uri=f"{tmp_path}/model.ckpt-1", digest="1" * 64, fingerprint="f\n" * 16, step=1,
        global_examples=1, metrics={"a\x9b31m": 1.0}, size_bytes=1,
    )  # fmt: skip
    write_record(str(tmp_path), record)
    place = ["--metadata", str(tmp_path / "m.sqlite")]
    assert CliRunner().invoke(main, ["import", str(tmp_path), "--create", *place]).exit_code == 0
    manifest = tmp_path / "serving/1/assets.extra/tfx_estimators_push.json"
    manifest.parent.mkdir(parents=True)
    (manifest.parents[1] / "saved_model.pb").touch()
    manifest.write_text(json.dumps({"format": 1, "digest": "d", "files": {"\x1b[2J": 1}}))
    said = CliRunner().invoke(main, ["versions", str(tmp_path / "serving")]).output
    assert "files.\\x1b[2J" in said
    assert "\x1b" not in said
    questions = (["runs"], ["runs", "latest"], ["checkpoints"], ["checkpoints", "1"],
                 ["lineage", "1"], ["runs", "none\x1b[2J"], ["import", "\x1b[2J"])  # fmt: skip
    for question in questions:
        output = CliRunner().invoke(main, [*question, *place]).output
        assert not set("\x1b\x07\x9b\u202e") & set(output), question
        assert "\nf\n" not in output


@pytest.mark.parametrize(
    "place",
    [
        "mysql://u:S3cr3t#Pw@h:1/",
        "mysql://u:S3cr3t?Pw@h:x/db",
        "mysql://u:S3cr3t[Pw@h:1/d?b",
        "mysql://h:1/?password=S3cr3t",
        "mysql:/u:S3cr3tPw@h:1/db",
        "c.pbtxt",
    ],
)
def test_a_password_is_in_no_message(place: str, tmp_path: pathlib.Path) -> None:
    if place == "c.pbtxt":
        place = str(tmp_path / place)
        pathlib.Path(place).write_text('mysql {\n host: "h" password: S3cr3tPw }\n')
    result = CliRunner().invoke(main, ["runs", "--metadata", place])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert "S3cr3t" not in result.output


def test_a_password_may_have_any_character() -> None:
    config = config_of("mysql://user:a#b/c?d[e@f%25:g@host:77/db")
    mysql = config.mysql
    assert (mysql.user, mysql.password) == ("user", "a#b/c?d[e@f%:g")
    assert (mysql.host, mysql.port, mysql.database) == ("host", 77, "db")
    assert config_of("mysql://host/db").mysql.port == 3306
    assert config_of("grpc://[::1]:8080").host == "::1"
