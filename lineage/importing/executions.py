"""Finds the execution that wrote a record, or adds it to the store.

Locally TFX has recorded it and the record says its number. Where the runner keeps no
ML Metadata, or keeps it elsewhere, an execution is put in its place, in the contexts
that TFX would have made.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

from tfx_estimators.lineage.properties import BEGAN, ENDED, Value, fill, number_of
from tfx_estimators.lineage.records import CheckpointRecord, Record, StepRecord
from tfx_estimators.lineage.store import Store

__all__ = ["Execution", "Executions", "LostWrite", "external_id", "identity_of_step", "read_type"]

_IMPORTED_TYPE = "tfx_estimators.lineage.Step"
_CONTEXT_TYPES = ("pipeline", "pipeline_run", "node")


def external_id(*parts: str) -> str:
    """The id by which something is put once only, whoever puts it."""
    return f"tfx-estimators:{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()}"


def identity_of_step(record: Record) -> str:
    """The external id of the execution that wrote a record, where it was imported."""
    return external_id("execution", record.pipeline, record.run, record.node, str(record.execution))


class LostWrite(Exception):
    """Something that was put is not there: see `store`."""


@dataclasses.dataclass(frozen=True)
class Execution:
    """An execution in the store.

    Attributes:
        id: its number.
        imported: whether it was put here rather than by TFX.
        contexts: those of its pipeline, run and node, and any others that it is in.
    """

    id: int
    imported: bool
    contexts: tuple[Any, ...] = dataclasses.field(compare=False)


class Executions:
    """Finds the executions of records, or puts them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, str, str, str | None], Execution] = {}

    def of(self, record: Record) -> Execution:
        """The execution that wrote the record."""
        key = (record.pipeline, record.run, record.node, record.execution)
        if key not in self._known:
            self._known[key] = self._recorded(record) or self._imported(record)
        return self._known[key]

    def _recorded(self, record: Record) -> Execution | None:
        number = number_of(record.execution or "")
        if number is None or not self._store.get_executions_by_id([number]):
            return None
        contexts = tuple(self._contexts_of(number))
        names = {(context.type, context.name) for context in contexts}
        # A store from elsewhere has an execution of this number too, but not this one.
        wanted = {("pipeline_run", record.run), ("node", f"{record.pipeline}.{record.node}")}
        return Execution(number, False, contexts) if wanted <= names else None

    def _contexts_of(self, number: int) -> list[Any]:
        from ml_metadata import errors as mlmd_errors

        try:
            return list(self._store.get_contexts_by_execution(number))
        except mlmd_errors.NotFoundError:
            return []

    def _imported(self, record: Record) -> Execution:
        from ml_metadata import errors as mlmd_errors
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        identity = identity_of_step(record)
        state, type_name = mlmd.Execution.UNKNOWN, _IMPORTED_TYPE
        facts: dict[str, Value] = {BEGAN: record.wall_time, ENDED: record.wall_time}
        if isinstance(record, StepRecord):
            state = mlmd.Execution.State.Value(record.state.upper())
            facts = {**record.parameters, BEGAN: record.began, ENDED: record.wall_time}
            type_name = record.type
        elif not isinstance(record, CheckpointRecord):
            # It ended well: a checkpoint alone does not say so, a model does.
            state = mlmd.Execution.COMPLETE
        found = self._store.by_external_ids("executions", [identity])
        if not found:
            execution = mlmd.Execution(
                type_id=self._execution_type(type_name),
                external_id=identity,
                last_known_state=state,
            )
            fill(execution.custom_properties, facts)
            contexts = [
                mlmd.Context(type_id=self._context_type(kind), name=name)
                for kind, name in _context_names(record)
            ]
            # Suppressed: somebody else is importing the same records.
            with contextlib.suppress(mlmd_errors.AlreadyExistsError):
                self._store.put_execution(
                    execution, [], contexts, reuse_context_if_already_exist=True
                )
            found = self._store.by_external_ids("executions", [identity])
            if not found:
                raise LostWrite(f"the execution of {record.node}")
            self._join_run_to_pipeline(record)
        (execution,) = found
        told = isinstance(record, StepRecord) or not execution.last_known_state
        if told and execution.last_known_state != state:
            execution.last_known_state = state
            fill(execution.custom_properties, facts)
            self._store.put_executions([execution])
        return Execution(execution.id, True, tuple(self._contexts_of(execution.id)))

    def _join_run_to_pipeline(self, record: Record) -> None:
        from ml_metadata import errors as mlmd_errors
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        run = self._store.get_context_by_type_and_name("pipeline_run", record.run)
        pipeline = self._store.get_context_by_type_and_name("pipeline", record.pipeline)
        with contextlib.suppress(mlmd_errors.AlreadyExistsError):
            self._store.put_parent_contexts(
                [mlmd.ParentContext(child_id=run.id, parent_id=pipeline.id)]
            )

    def _execution_type(self, name: str) -> int:
        from ml_metadata import errors as mlmd_errors
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        try:
            return int(self._store.get_execution_type(name).id)
        except mlmd_errors.NotFoundError:
            self._store.put_execution_type(mlmd.ExecutionType(name=name))
            return read_type(self._store.get_execution_type, name)

    def _context_type(self, name: str) -> int:
        from ml_metadata import errors as mlmd_errors
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        try:
            return int(self._store.get_context_type(name).id)
        except mlmd_errors.NotFoundError:
            self._store.put_context_type(mlmd.ContextType(name=name))
            return read_type(self._store.get_context_type, name)


def read_type(get: Callable[[str], Any], name: str) -> int:
    """The number of a type that has just been put."""
    from ml_metadata import errors as mlmd_errors

    try:
        return int(get(name).id)
    except mlmd_errors.NotFoundError as error:
        raise LostWrite(f"the type {name}") from error


def _context_names(record: Record) -> list[tuple[str, str]]:
    names = (record.pipeline, record.run, f"{record.pipeline}.{record.node}")
    return list(zip(_CONTEXT_TYPES, names, strict=True))
