"""A connection to ML Metadata that waits its turn.

Several processes write one SQLite file, and a server may be away for a moment: such errors
are tried again, for a bounded time. What was put may also get lost without an error: of
eight writers on ml-metadata 1.16 about one event in 500 was. Who puts something therefore
looks whether it is there, see `reconcile`.
"""

from __future__ import annotations

import contextlib
import pathlib
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from tfx_estimators.errors import MetadataStoreError
from tfx_estimators.lineage.database.connection import config_of, name_of
from tfx_estimators.lineage.database.sqlite_file import make, prepare
from tfx_estimators.lineage.properties import chunks

__all__ = ["Store", "explain", "open_store"]

_SECONDS = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_BUSY = (
    "database is locked",
    "database table is locked",
    "database is busy",
    "deadlock",
    # A runner of TFX's is just making the tables.
    "concurrent connection to the empty database",
    "concurrent writes aborted",
)


_CAUSES = (
    ("full", "the disk is full", "make room, e.g. with tfx-estimators gc, and run again"),
    ("readonly", "it is read-only", "give yourself write permission for the file"),
    ("i/o error", "the disk fails", "check the disk and the file system: dmesg"),
    ("malformed", "the file is damaged", "restore it from a backup, or tfx-estimators import"),
)


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
        MissingFilesError: if there is no such store.
        NotInMetadataError: if nothing was ever recorded in it.
        MetadataStoreError: if it is of another schema version, is none, or does not answer.
    """
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    config = config_of(where)
    database: pathlib.Path | None = None
    name = name_of(config)
    if isinstance(config, mlmd.ConnectionConfig) and config.WhichOneof("config") == "sqlite":
        database = pathlib.Path(config.sqlite.filename_uri)
        if create:
            _patiently(lambda: make(database, seconds), seconds, name)
        prepare(database, config.sqlite, write=write)
    client = _patiently(lambda: MetadataStore(config), seconds, name)
    return Store(client, name, seconds, database)


def _patiently(call: Callable[[], Any], seconds: float, name: str) -> Any:
    """Calls again after transient errors, with growing pauses, until the time is up."""
    from ml_metadata import errors

    # Answers, not failures: whoever asks knows what to do.
    answers = (errors.NotFoundError, errors.AlreadyExistsError, MetadataStoreError)
    transient = (errors.UnavailableError, errors.AbortedError, errors.DeadlineExceededError)
    end, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        try:
            return call()
        except answers:
            raise
        except (errors.StatusError, RuntimeError) as error:
            if not isinstance(error, transient) and not any(t in str(error).lower() for t in _BUSY):
                raise explain(name, error) from error
            if time.monotonic() >= end:
                raise MetadataStoreError(
                    f"{name} was busy or unreachable for {seconds:g} s: {error}",
                    expected="an answer",
                    fix="try again when fewer processes write, or use MySQL or a server",
                ) from error
        # Not all at the same time again.
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 2, _LONGEST_PAUSE)


def explain(name: str, error: Exception) -> MetadataStoreError:
    """The error to raise for one of ml-metadata's.

    Args:
        name: the store's.
        error: a StatusError, or the RuntimeError of its C++ code.
    """
    first = str(error).partition("\n")[0]
    for said, cause, fix in _CAUSES:
        if said in first.lower():
            return MetadataStoreError(f"{name} could not be written: {cause} ({first})", fix=fix)
    return MetadataStoreError(
        f"{name} failed a request: {first}",
        expected="an ML Metadata store that can be read and written",
        fix="check --metadata, and that the server is running",
    )
