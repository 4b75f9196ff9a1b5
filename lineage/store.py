"""A connection to ML Metadata that waits its turn.

Several processes write one SQLite file, and a server may be away for a moment: such errors
are tried again, for a bounded time. What was put may also get lost without an error: of
eight writers on ml-metadata 1.16 about one event in 500 was. Who puts something therefore
looks whether it is there, see `reconcile`.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import sqlite3
import time
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any

from tfx_estimators.errors import MetadataStoreError, NotInMetadataError
from tfx_estimators.lineage.properties import chunks

__all__ = ["SCHEMA_VERSION", "Store", "open_store", "sqlite_file"]

SCHEMA_VERSION = 10
"""Of ml-metadata 1.15.0, 1.16.0 and 1.21.0."""

_SECONDS = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_BUSY = ("database is locked", "database table is locked", "database is busy", "deadlock")
_IN_A_RUN = pathlib.Path("metadata") / "metadata.sqlite"


class Store:
    """The methods of ml-metadata's `MetadataStore`, tried again after transient errors.

    Args:
        client: the `MetadataStore`.
        name: how messages call it.
        seconds: how long to try.
        database: the SQLite file, where it is one.
    """

    def __init__(
        self,
        client: Any,
        name: str,
        seconds: float = _SECONDS,
        database: pathlib.Path | None = None,
    ) -> None:
        self._client = client
        self._seconds = seconds
        self.name = name
        self.database = database

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return _patiently(lambda: method(*args, **kwargs), self._seconds, self.name)

        return call

    def by_external_ids(self, kind: str, ids: Sequence[str]) -> list[Any]:
        """What has one of these external ids.

        Args:
            kind: "artifacts", "executions" or "contexts".
            ids: as they were put.
        """
        from ml_metadata import errors

        ask = getattr(self, f"get_{kind}_by_external_ids")
        found: list[Any] = []
        for part in chunks(ids):
            with contextlib.suppress(errors.NotFoundError):
                found += ask(list(part))
        return found


def open_store(
    where: Any, *, write: bool = False, create: bool = False, seconds: float = _SECONDS
) -> Store:
    """Connects to a store.

    Args:
        where: an SQLite file; the folder of a run, which has one in it; a text file
            (`.pbtxt`) with ml-metadata's ConnectionConfig or MetadataStoreClientConfig;
            `grpc://host:port`; `mysql://user:password@host:port/database`; or one of the
            two messages themselves.
        write: whether anything is to be put.
        create: whether to make the SQLite file if it is not there.
        seconds: how long to try when others keep it busy.

    Raises:
        NotInMetadataError: if there is no such store.
        MetadataStoreError: if it is of another schema version, is none, or does not answer.
    """
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    config = _config_of(where)
    database: pathlib.Path | None = None
    name = _name_of(config)
    if isinstance(config, mlmd.ConnectionConfig) and config.WhichOneof("config") == "sqlite":
        database = pathlib.Path(config.sqlite.filename_uri)
        _prepare(database, config.sqlite, write=write, create=create)
    try:
        client = _patiently(lambda: MetadataStore(config), seconds, name)
    except MetadataStoreError:
        raise
    except Exception as error:  # RuntimeError from C++, StatusError from a server
        raise MetadataStoreError(
            f"{name} cannot be opened: {error}",
            expected="a store of ML Metadata",
            fix="check --metadata, and that the server runs",
        ) from error
    return Store(client, name, seconds, database)


def sqlite_file(where: str | os.PathLike[str]) -> pathlib.Path:
    """The SQLite file that a path names: itself, or that of the run whose folder it is."""
    path = pathlib.Path(where)
    return path / _IN_A_RUN if path.is_dir() else path


def _config_of(where: Any) -> Any:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if isinstance(where, mlmd.ConnectionConfig | mlmd.MetadataStoreClientConfig):
        copy = type(where)()
        copy.CopyFrom(where)
        return copy
    text = str(where)
    if "://" in text:
        return _config_of_url(text)
    if text.endswith(".pbtxt"):
        return _config_of_file(pathlib.Path(text))
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(sqlite_file(text))
    return config


def _config_of_url(text: str) -> Any:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    wrong = MetadataStoreError(
        f"{_without_password(text)} names no store of ML Metadata",
        expected="grpc://host:port or mysql://user:password@host:port/database",
        fix="correct --metadata",
    )
    url = urllib.parse.urlsplit(text)
    try:
        host, port = url.hostname, url.port
    except ValueError as error:
        raise wrong from error
    if url.scheme == "grpc" and host and port:
        client = mlmd.MetadataStoreClientConfig()
        client.host, client.port = host, port
        return client
    if url.scheme == "mysql" and host and url.path.strip("/"):
        config = mlmd.ConnectionConfig()
        config.mysql.host, config.mysql.port = host, port or 3306
        config.mysql.database = url.path.strip("/")
        config.mysql.user = urllib.parse.unquote(url.username or "")
        config.mysql.password = urllib.parse.unquote(url.password or "")
        return config
    raise wrong


def _config_of_file(file: pathlib.Path) -> Any:
    from google.protobuf import text_format
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if not file.is_file():
        raise _missing(file)
    text = file.read_text(encoding="utf-8")
    problem: Exception | None = None
    for kind in (mlmd.ConnectionConfig, mlmd.MetadataStoreClientConfig):
        try:
            return text_format.Parse(text, kind())
        except text_format.ParseError as error:
            problem = problem or error
    raise MetadataStoreError(
        f"{file} is no connection to ML Metadata: {problem}",
        expected="a ConnectionConfig or MetadataStoreClientConfig as text",
        fix="see ml_metadata/proto/metadata_store.proto",
    )


def _name_of(config: Any) -> str:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if isinstance(config, mlmd.MetadataStoreClientConfig):
        return f"grpc://{config.host}:{config.port}"
    if config.WhichOneof("config") == "sqlite":
        return str(config.sqlite.filename_uri)
    if config.WhichOneof("config") == "mysql":
        return f"mysql://{config.mysql.host}/{config.mysql.database}"
    return "the store"


def _without_password(text: str) -> str:
    url = urllib.parse.urlsplit(text)
    return text.replace(f":{url.password}@", ":***@") if url.password else text


def _prepare(file: pathlib.Path, sqlite: Any, *, write: bool, create: bool) -> None:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    modes = mlmd.SqliteMetadataSourceConfig
    if not file.is_file():
        if not create:
            raise _missing(file)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MetadataStoreError(
                f"{file} cannot be made: {error.strerror}",
                expected="a folder that can be written",
                fix="give another place with --metadata",
            ) from error
        sqlite.connection_mode = modes.READWRITE_OPENCREATE
        return
    _take_back_half_a_write(file)
    _check_version(file)
    sqlite.connection_mode = modes.READWRITE if write else modes.READONLY


def _missing(file: pathlib.Path) -> NotInMetadataError:
    return NotInMetadataError(
        f"there is no store of ML Metadata at {file}",
        expected="the SQLite file of a pipeline's metadata, or the folder of a run",
        fix="run a pipeline first, or pass --metadata with the folder that its run was given",
    )


def _check_version(file: pathlib.Path) -> None:
    found: object = None
    address = f"file:{urllib.parse.quote(str(file.absolute()))}?mode=ro"
    try:
        connected = sqlite3.connect(address, timeout=_SECONDS, uri=True)
        with contextlib.closing(connected) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if not tables:
                return  # Somebody else has just made it.
            if "MLMDEnv" in tables:
                found = connection.execute("SELECT schema_version FROM MLMDEnv").fetchone()[0]
    except (sqlite3.DatabaseError, TypeError) as error:
        raise MetadataStoreError(
            f"{file} cannot be read as a store of ML Metadata: {error}",
            expected="an SQLite file that ML Metadata has made",
            fix="give the right file with --metadata",
        ) from error
    if found != SCHEMA_VERSION:
        has = "no schema of ML Metadata" if found is None else f"schema version {found}"
        raise MetadataStoreError(
            f"{file} has {has}",
            expected=f"schema version {SCHEMA_VERSION}",
            fix="use the ml-metadata that made it, or have a newer one migrate a copy of it",
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


def _patiently(call: Callable[[], Any], seconds: float, name: str) -> Any:
    """Calls again after transient errors, with growing pauses, until the time is up."""
    from ml_metadata import errors

    transient = (errors.UnavailableError, errors.AbortedError, errors.DeadlineExceededError)
    end, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        try:
            return call()
        except (errors.StatusError, RuntimeError) as error:
            if not isinstance(error, transient) and not any(t in str(error) for t in _BUSY):
                raise
            if time.monotonic() >= end:
                raise MetadataStoreError(
                    f"{name} was busy or away for {seconds:g} s: {error}",
                    expected="an answer",
                    fix="try again when fewer processes write, or use MySQL or a server",
                ) from error
        # Not all at the same time again.
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 2, _LONGEST_PAUSE)
