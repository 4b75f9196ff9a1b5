"""Queries the tables of an SQLite store for the ids of what meets conditions.

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

__all__ = ["find_numbers", "find_runs", "find_step_names"]

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
    # Associations can be looked up by their context alone: a join by execution would go through
    # all of them for each.
    query = """
        SELECT run.id FROM Context run
        WHERE run.type_id IN (SELECT id FROM Type WHERE name = 'pipeline_run')
        AND EXISTS (
            SELECT 1 FROM Association of_run
            CROSS JOIN Association of_pipeline
            WHERE of_run.context_id = run.id
            AND of_pipeline.execution_id = of_run.execution_id
            AND of_pipeline.context_id IN (
                SELECT id FROM Context WHERE name = ?
                AND type_id IN (SELECT id FROM Type WHERE name = 'pipeline')
            )
        )
        ORDER BY run.id DESC"""
    if limit is not None:
        query += f" LIMIT {int(limit)}"
    try:
        return _ask(database, query, [pipeline])
    except (sqlite3.DatabaseError, OverflowError, UnicodeError):
        return None


def find_step_names(database: pathlib.Path) -> dict[int, dict[str, str]] | None:
    """Of each execution the names of its pipeline and its node, by "pipeline" and "node".

    ml-metadata itself goes through all associations for each execution that it is asked for.

    Args:
        database: the SQLite file.

    Returns:
        None if the tables cannot be asked, or are not of the schema version known here.
    """
    query = """
        SELECT step.execution_id, type.name, context.name
        FROM Context context JOIN Type type ON type.id = context.type_id
        CROSS JOIN Association step
        WHERE step.context_id = context.id AND type.name IN ('pipeline', 'node')"""
    try:
        rows = _rows(database, query, [])
    except (sqlite3.DatabaseError, OverflowError, UnicodeError):
        return None
    if rows is None:
        return None
    found: dict[int, dict[str, str]] = {}
    for execution, kind, name in rows:
        found.setdefault(execution, {})[kind] = name
    return found


def _ask(database: pathlib.Path, query: str, values: list[Any]) -> list[int] | None:
    rows = _rows(database, query, values)
    return None if rows is None else [number for (number,) in rows]


def _rows(database: pathlib.Path, query: str, values: list[Any]) -> list[Any] | None:
    address = f"file:{urllib.parse.quote(str(database.absolute()))}?mode=ro"
    connected = sqlite3.connect(address, timeout=_WAIT_SECONDS, uri=True)
    with contextlib.closing(connected) as connection:
        versions = connection.execute("SELECT schema_version FROM MLMDEnv").fetchall()
        if versions != [(_SCHEMA_VERSION,)]:
            return None
        return connection.execute(query, values).fetchall()


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
