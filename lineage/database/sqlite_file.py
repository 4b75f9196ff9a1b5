"""The SQLite file of a store: where it is, and whether it is one."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import sqlite3
import urllib.parse
from typing import Any

from tfx_estimators.errors import MetadataStoreError, MissingFilesError, NotInMetadataError
from tfx_estimators.lineage.database.table_creation import make_once

__all__ = [
    "SCHEMA_VERSION",
    "copy_store",
    "make",
    "missing",
    "prepare",
    "schema_version",
    "sqlite_file",
]

SCHEMA_VERSION = 10
"""Of ml-metadata 1.15.0, 1.16.0 and 1.21.0."""

_SECONDS = 60.0
_FOREIGN = -1  # A database of something else.
# As ready pipelines have it, and as pipelines of one's own often do.
_IN_A_RUN = ("metadata/metadata.sqlite", "metadata.sqlite")


def sqlite_file(where: str | os.PathLike[str]) -> pathlib.Path:
    """The SQLite file that a path names: itself, or that of the run whose folder it is."""
    path = pathlib.Path(where)
    if not path.is_dir():
        return path
    files = [path / name for name in _IN_A_RUN]
    return next((file for file in files if file.is_file()), files[0])


def prepare(file: pathlib.Path, sqlite: Any, *, write: bool) -> None:
    """Says in the connection's settings how the file is to be opened.

    Raises:
        MissingFilesError: if there is no such file.
        NotInMetadataError: if there is nothing in it.
        MetadataStoreError: if it is no store, or of another schema version.
    """
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    modes = mlmd.SqliteMetadataSourceConfig
    if not file.is_file():
        raise missing(file)
    _take_back_half_a_write(file)
    found = schema_version(file)
    if found is None:
        raise _empty(file)
    if found != SCHEMA_VERSION:
        raise _of_another_version(file, found)
    sqlite.connection_mode = modes.READWRITE if write else modes.READONLY


def make(file: pathlib.Path, seconds: float) -> None:
    """Makes a store, unless the file holds tables already.

    Raises:
        MetadataStoreError: if it cannot be made.
    """
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(file)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        make_once(file.resolve(), lambda: _is_made(file), lambda: MetadataStore(config), seconds)
    except OSError as error:
        raise MetadataStoreError(
            f"{file} cannot be created: {error.strerror}",
            expected="a writable folder",
            fix="pass another place with --metadata",
        ) from error


def copy_store(file: pathlib.Path, copy: pathlib.Path) -> None:
    """Copies a store, also while others write it; nothing where there is none.

    Args:
        file: the store's; it is only read.
        copy: where to put the copy; its folder is there.

    Raises:
        MetadataStoreError: if it cannot be read, or is of another schema version.
    """
    if not file.is_file() or (version := schema_version(file)) is None:
        return
    if version != SCHEMA_VERSION:
        raise _of_another_version(file, version)
    address = f"file:{urllib.parse.quote(str(file.absolute()))}?mode=ro"
    try:
        source = sqlite3.connect(address, timeout=_SECONDS, uri=True)
        with contextlib.closing(source), contextlib.closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.DatabaseError as error:
        raise _unreadable(file, error) from error


def missing(file: pathlib.Path) -> MissingFilesError:
    """The error to raise where there is none."""
    return MissingFilesError(
        f"there is no store of ML Metadata at {file}",
        expected="the SQLite file of a pipeline's metadata, or the folder of a run",
        fix="run a pipeline first, or pass the folder of its run with --metadata",
    )


def _is_made(file: pathlib.Path) -> bool:
    return file.is_file() and schema_version(file) is not None


def schema_version(file: pathlib.Path) -> int | None:
    """The version that a file says, -1 if it is of something else; None if it has no tables.

    Raises:
        MetadataStoreError: if it is no SQLite file, or locked.
    """
    address = f"file:{urllib.parse.quote(str(file.absolute()))}?mode=ro"
    try:
        connected = sqlite3.connect(address, timeout=_SECONDS, uri=True)
        with contextlib.closing(connected) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if "MLMDEnv" in tables:
                return int(connection.execute("SELECT schema_version FROM MLMDEnv").fetchone()[0])
            return _FOREIGN if tables else None
    except (sqlite3.DatabaseError, TypeError, ValueError) as error:
        raise _unreadable(file, error) from error


def _of_another_version(file: pathlib.Path, found: int) -> MetadataStoreError:
    has = "no ML Metadata schema" if found == _FOREIGN else f"schema version {found}"
    return MetadataStoreError(
        f"{file} has {has}",
        expected=f"schema version {SCHEMA_VERSION}",
        fix=f"tfx-estimators metadata upgrade {file}, which makes a backup first"
        if 0 <= found < SCHEMA_VERSION
        else "use the ml-metadata version that made it",
    )


def _unreadable(file: pathlib.Path, error: Exception) -> MetadataStoreError:
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return MetadataStoreError(
            f"{file} was locked by another process for {_SECONDS:g} s",
            expected="a store that other processes lock only briefly",
            fix=f"find the process that holds the lock: fuser {file}",
        )
    if not os.access(file, os.R_OK):
        return MetadataStoreError(
            f"{file} cannot be opened: {os.strerror(errno.EACCES)}",
            expected="a file that you can read",
            fix=f"correct the permissions: ls -l {file}",
        )
    return MetadataStoreError(
        f"{file} cannot be read as a store of ML Metadata: {error}",
        expected="an SQLite file made by ML Metadata",
        fix="pass the right file with --metadata",
    )


def _empty(file: pathlib.Path) -> NotInMetadataError:
    return NotInMetadataError(
        f"{file} is empty: nothing was ever recorded in it",
        expected="the SQLite file of a pipeline's metadata, or the folder of a run",
        fix="run a pipeline, or tfx-estimators import, first",
    )


def _take_back_half_a_write(file: pathlib.Path) -> None:
    """Puts a file in order whose writer was killed: who may only read it cannot."""
    if not file.with_name(f"{file.name}-journal").exists():
        return
    address = f"file:{urllib.parse.quote(str(file.absolute()))}?mode=rw"
    # Suppressed: another process is writing, or the file is no database; ML Metadata tells.
    with contextlib.suppress(sqlite3.Error):
        connection = sqlite3.connect(address, timeout=1.0, uri=True)
        with contextlib.closing(connection):
            connection.execute("SELECT COUNT(*) FROM sqlite_master")
