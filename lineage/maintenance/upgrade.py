"""Upgrades the SQLite store of an older ML Metadata to the present schema.

The stores of TFX 0.2x to 1.x have schema versions 6 to 9. ML Metadata has the migrations;
here a backup is made before, and what the store holds is compared after.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import sqlite3
from typing import Any

from tfx_estimators.errors import MetadataStoreError, UnsupportedOptionError
from tfx_estimators.lineage.database.connection import config_of, name_of
from tfx_estimators.lineage.database.sqlite_file import SCHEMA_VERSION, missing, schema_version

__all__ = ["Upgraded", "upgrade"]

_COUNTED = {"artifacts": "Artifact", "executions": "Execution", "contexts": "Context",
            "events": "Event"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Upgraded:
    """What was done.

    Attributes:
        file: the store.
        before: its schema version before.
        after: its schema version now.
        backup: the copy that was made before; None where there was nothing to do.
        held: how many artifacts, executions, contexts and events it holds, as before.
        added: the columns that are new, as TABLE.COLUMN, in order.
        removed: the columns that are gone, likewise.
    """

    file: pathlib.Path
    before: int
    after: int
    backup: pathlib.Path | None
    held: dict[str, int]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def upgrade(where: Any) -> Upgraded:
    """Backs a store up, and brings it to this ML Metadata's schema version.

    Args:
        where: as `store.open_store` takes it; an SQLite file.

    Raises:
        MissingFilesError: if there is no such file.
        UnsupportedOptionError: if it is no SQLite file.
        MetadataStoreError: if it is no store, or of a newer version, or cannot be brought
            there; then it is as it was.
    """
    file = _file_of(config_of(where))
    if not file.is_file():
        raise missing(file)
    before = schema_version(file)
    if before is None or not 0 <= before <= SCHEMA_VERSION:
        has = "no ML Metadata tables" if (before or -1) < 0 else f"schema version {before}"
        raise MetadataStoreError(
            f"{file} has {has}",
            expected=f"a store of schema version {SCHEMA_VERSION} or older",
            fix="use the ml-metadata version that made it",
        )
    columns, held = _content(file)
    if before == SCHEMA_VERSION:
        return Upgraded(file, before, before, None, held)
    backup = _back_up(file, before)
    try:
        _migrate(file)
        now, holds = _content(file)
        if holds != held:
            raise MetadataStoreError(f"{file} held {held} before the upgrade, and {holds} after it")
    except Exception as error:
        _copy(backup, file)
        raise MetadataStoreError(
            f"{file} could not be upgraded, and is unchanged: {error}",
            fix=f"keep {backup}, and try again with another version of ml-metadata",
        ) from error
    return Upgraded(
        file,
        before,
        SCHEMA_VERSION,
        backup,
        held,
        added=tuple(sorted(now - columns)),
        removed=tuple(sorted(columns - now)),
    )


def _file_of(config: Any) -> pathlib.Path:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if isinstance(config, mlmd.ConnectionConfig) and config.WhichOneof("config") == "sqlite":
        return pathlib.Path(config.sqlite.filename_uri)
    raise UnsupportedOptionError(
        f"{name_of(config)} is not an SQLite file, so it cannot be backed up here",
        expected="the SQLite file of a pipeline's metadata, or the folder of a run",
        fix="back the database up (mysqldump), then start ml-metadata's server once with "
        "--enable_database_upgrade=true",
    )


def _content(file: pathlib.Path) -> tuple[set[str], dict[str, int]]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        columns = {
            f"{table}.{column[1]}"
            for (table,) in connection.execute(query).fetchall()
            for column in connection.execute(f"PRAGMA table_info({table})")
        }
        held = {
            name: int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
            for name, table in _COUNTED.items()
        }
    return columns, held


def _back_up(file: pathlib.Path, version: int) -> pathlib.Path:
    number = 1
    while True:
        end = f".schema-{version}.backup" if number == 1 else f".schema-{version}.backup-{number}"
        backup = file.with_name(f"{file.name}{end}")
        try:
            backup.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            number += 1
            continue
        except OSError as error:
            raise MetadataStoreError(
                f"no backup of {file} can be made: {error.strerror}",
                expected="a writable folder with room for a copy",
                fix=f"df -h {file.parent}; ls -ld {file.parent}",
            ) from error
        _copy(file, backup)
        return backup


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """A whole copy, whoever writes the source meanwhile."""
    with (
        contextlib.closing(sqlite3.connect(source)) as one,
        contextlib.closing(sqlite3.connect(target)) as other,
    ):
        one.backup(other)


def _migrate(file: pathlib.Path) -> None:
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(file)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE
    MetadataStore(config, enable_upgrade_migration=True)
