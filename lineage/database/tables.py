"""The numbers of what fits conditions, asked of the tables of an SQLite store itself.

The public ways of ml-metadata 1.21 would read everything of a type, several seconds for a
hundred thousand artifacts. The tables are private: those of schema version 10, seen on
ml-metadata 1.15.0, 1.16.0 and 1.21.0. Any other version is left alone.
"""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
import urllib.parse
from collections.abc import Sequence
from typing import Any

__all__ = ["find_numbers", "find_runs"]

_SCHEMA_VERSION = 10
_WAIT_SECONDS = 60.0
_TABLES = {
    "artifacts": ("Artifact", "artifact_id"),
    "executions": ("Execution", "execution_id"),
    "contexts": ("Context", "context_id"),
}
_COLUMNS = {str: "string_value", int: "int_value", float: "double_value"}
_FIELDS = ("id", "name", "uri", "state", "last_known_state")


def find_numbers(
    database: pathlib.Path,
    kind: str,
    type_name: str | None,
    conditions: Sequence[tuple[str, str, Any]],
    *,
    limit: int | None,
    newest_first: bool,
) -> list[int] | None:
    """The numbers of what fits all conditions, in order.

    Args:
        database: the SQLite file.
        kind: "artifacts", "executions" or "contexts".
        type_name: the type; None for any.
        conditions: name, sign and value, see `select.Condition`.
        limit: how many at most; None for all.
        newest_first: whether to give the highest numbers first.

    Returns:
        None if the tables cannot be asked, or are not of the schema version known here.
    """
    where, values = ["1"], list[Any]()
    if type_name is not None:
        where.append("t.type_id IN (SELECT y.id FROM Type y WHERE y.name = ?)")
        values.append(type_name)
    for name, sign, value in conditions:
        clause, given = _compare(kind, name, sign, value)
        where.append(clause)
        values += given
    query = f"SELECT t.id FROM {_TABLES[kind][0]} t WHERE {' AND '.join(where)} ORDER BY t.id"
    query += " DESC" if newest_first else ""
    if limit is not None:
        query += f" LIMIT {int(limit)}"
    try:
        return _ask(database, query, values)
    except (sqlite3.DatabaseError, OverflowError, UnicodeError):
        return None  # ML Metadata has its own say, and its own patience.


def find_runs(database: pathlib.Path, pipeline: str, *, limit: int | None) -> list[int] | None:
    """The numbers of a pipeline's runs, the newest first.

    Args:
        database: the SQLite file.
        pipeline: its name.
        limit: how many at most; None for all.

    Returns:
        None if the tables cannot be asked, or are not of the schema version known here.
    """
    query = """
        SELECT DISTINCT run.id FROM Context pipeline
        JOIN Association of_pipeline ON of_pipeline.context_id = pipeline.id
        JOIN Association of_run ON of_run.execution_id = of_pipeline.execution_id
        JOIN Context run ON run.id = of_run.context_id
        WHERE pipeline.name = ?
        AND pipeline.type_id IN (SELECT id FROM Type WHERE name = 'pipeline')
        AND run.type_id IN (SELECT id FROM Type WHERE name = 'pipeline_run')
        ORDER BY run.id DESC"""
    if limit is not None:
        query += f" LIMIT {int(limit)}"
    try:
        return _ask(database, query, [pipeline])
    except (sqlite3.DatabaseError, OverflowError, UnicodeError):
        return None


def _ask(database: pathlib.Path, query: str, values: list[Any]) -> list[int] | None:
    address = f"file:{urllib.parse.quote(str(database.absolute()))}?mode=ro"
    connected = sqlite3.connect(address, timeout=_WAIT_SECONDS, uri=True)
    with contextlib.closing(connected) as connection:
        versions = connection.execute("SELECT schema_version FROM MLMDEnv").fetchall()
        if versions != [(_SCHEMA_VERSION,)]:
            return None
        return [number for (number,) in connection.execute(query, values)]


def _compare(kind: str, name: str, sign: str, value: Any) -> tuple[str, list[Any]]:
    table, owner = _TABLES[kind]
    if name in _FIELDS:
        if name.endswith("state"):
            value = _number_of_state(kind, value)
        return _test(f"t.{name}", sign, value)
    sample = next(iter(value), "") if sign == "IN" else value
    test, values = _test(f"p.{_COLUMNS[type(sample)]}", sign, value)
    clause = (
        f"EXISTS (SELECT 1 FROM {table}Property p WHERE p.{owner} = t.id AND p.name = ? AND {test})"
    )
    return clause, [name, *values]


def _test(column: str, sign: str, value: Any) -> tuple[str, list[Any]]:
    if sign == "IN":
        return f"{column} IN ({', '.join('?' * len(value))})", list(value)
    if sign == "PREFIX":
        return f"substr({column}, 1, ?) = ?", [len(value), value]
    return f"{column} {sign} ?", [value]


def _number_of_state(kind: str, name: str) -> int:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    states = mlmd.Artifact.State if kind == "artifacts" else mlmd.Execution.State
    return int(states.Value(name))
