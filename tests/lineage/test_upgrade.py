"""A store of an older ML Metadata is brought to this one's schema, and a blessing taken back."""

from __future__ import annotations

import pathlib
import shutil
import sqlite3
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ml_metadata.metadata_store import metadata_store as mlmd_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from tfx_estimators.cli import main
from tfx_estimators.lineage.models import find_model
from tfx_estimators.lineage.store import open_store

pytestmark = pytest.mark.stacks


def ask(*arguments: str) -> Result:
    result = CliRunner().invoke(main, [*arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize("version", [6, 7, 8, 9])
def test_an_old_store_is_backed_up_and_upgraded(world: Any, told: Any, version: int) -> None:
    told()
    place = str(world.database)
    before = ask("models", "--metadata", place, "--json").output
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = place
    mlmd_store.downgrade_schema(config, version)
    old = world.database.read_bytes()
    refused = ask("models", "--metadata", place)
    assert f"schema version {version}" in refused.output
    assert f"fix: tfx-estimators metadata upgrade {place}" in refused.output
    done = ask("metadata", "upgrade", place)
    assert done.exit_code == 0, done.output
    assert f"schema version {version} -> 10" in done.output
    assert "holds as before: 8 artifacts, 7 executions" in done.output
    if version < 8:
        assert "new columns: Artifact.external_id" in done.output
    backup = pathlib.Path(f"{place}.schema-{version}.backup")
    with sqlite3.connect(backup) as one:
        assert one.execute("SELECT schema_version FROM MLMDEnv").fetchall() == [(version,)]
    assert ask("models", "--metadata", place, "--json").output == before
    assert "nothing to do" in ask("metadata", "upgrade", place).output
    # Once more from the same version: the first backup stays.
    backup_before = backup.read_bytes()
    world.database.write_bytes(old)
    assert "backup-2" in ask("metadata", "upgrade", place).output
    assert backup.read_bytes() == backup_before


def test_what_cannot_be_upgraded_is_said_and_left(world: Any, told: Any, tmp_path: Any) -> None:
    told()
    for where, problem in [
        ("mysql://u:p@h/db", "is not an SQLite file"),
        (str(tmp_path / "none.sqlite"), "there is no store"),
        (__file__, "cannot be read as a store"),
    ]:
        refused = ask("metadata", "upgrade", where)
        assert refused.exit_code == 1
        assert problem in refused.output
    torn = tmp_path / "torn.sqlite"
    shutil.copy(world.database, torn)
    with sqlite3.connect(torn) as connection:
        connection.execute("UPDATE MLMDEnv SET schema_version = 7")  # which it is not
    refused = ask("metadata", "upgrade", str(torn))
    assert refused.exit_code == 1
    assert "could not be upgraded, and is unchanged" in refused.output
    with sqlite3.connect(torn) as connection:
        assert connection.execute("SELECT schema_version FROM MLMDEnv").fetchall() == [(7,)]
        assert connection.execute("SELECT COUNT(*) FROM Artifact").fetchall() == [(8,)]


def test_a_blessing_is_withdrawn_so_that_tfxs_resolver_passes_the_model_over(
    world: Any, told: Any
) -> None:
    from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
        LatestBlessedModelStrategy,
    )
    from tfx.types import standard_artifacts

    told()
    store = open_store(world.database, write=True)
    type_id = store.put_artifact_type(mlmd.ArtifactType(name="ModelBlessing"))
    models = [find_model(store, name) for name in ("101", "102")]
    for model in models:
        blessing = mlmd.Artifact(type_id=type_id, uri=f"/blessing/{model.id}")
        blessing.custom_properties["blessed"].int_value = 1
        blessing.custom_properties["current_model"].string_value = model.uri
        blessing.custom_properties["current_model_id"].int_value = model.id
        store.put_artifacts([blessing])

    def resolved() -> int:
        def of(kind: Any) -> list[Any]:
            found = []
            for proto in store.get_artifacts_by_type(kind.TYPE_NAME):
                artifact = kind()
                artifact.set_mlmd_artifact(proto)
                found.append(artifact)
            return found

        found = LatestBlessedModelStrategy().resolve_artifacts(
            store,
            {
                "model": of(standard_artifacts.Model),
                "blessing": of(standard_artifacts.ModelBlessing),
            },
        )
        assert found is not None
        return int(found["model"][0].id)

    assert resolved() == models[1].id
    place = ["--metadata", str(world.database)]
    done = ask("withdraw", "102", *place)
    assert f"model {models[1].id} is no longer blessed (1 verdicts withdrawn)" in done.output
    assert resolved() == models[0].id
    assert "nothing to do" in ask("withdraw", "102", *place).output
    assert "has no model" in ask("withdraw", "abcdef", *place).output
