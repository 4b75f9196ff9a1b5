"""Imports records into ML Metadata.

Everything is put or found by an external id and compared before it is put, so this may
run twice, in several processes at once, or again after it was killed in the middle.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from tfx_estimators.errors import MetadataStoreError
from tfx_estimators.lineage.files import LOCAL, Files
from tfx_estimators.lineage.importing.events import Events
from tfx_estimators.lineage.importing.executions import Execution, Executions, LostWrite
from tfx_estimators.lineage.importing.facts import (
    facts_of_checkpoint,
    facts_of_model,
    facts_of_push,
    identity_of,
)
from tfx_estimators.lineage.importing.wanted_artifacts import Artifacts, Wanted
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE, Value
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import (
    CheckpointRecord,
    ModelRecord,
    PushRecord,
    Record,
    StepRecord,
)
from tfx_estimators.lineage.store import Store
from tfx_estimators.lineage.versions import models_of_version

__all__ = ["Reconciled", "reconcile", "reconcile_folder"]

_ATTEMPTS = 50  # Each means that somebody else got on.
_MODEL_TYPE, _PUSHED_TYPE = "Model", "PushedModel"


@dataclasses.dataclass
class Reconciled:
    """What was done.

    Attributes:
        records: how many were read.
        artifacts: how many were put or changed.
        events: how many were put.
        waiting: records of models and pushes whose artifacts the runner has not published;
            of a step that failed it never does.
    """

    records: int = 0
    artifacts: int = 0
    events: int = 0
    waiting: int = 0


def reconcile_folder(store: Store, folder: str, files: Files = LOCAL) -> Reconciled:
    """Tells ML Metadata of every record in a folder and those below it.

    Raises:
        MissingFilesError: if the folder does not exist.
        MetadataStoreError: if the store does not keep what is put.
    """
    return reconcile(store, read_records(folder, files).values())


def reconcile(store: Store, records: Iterable[Record]) -> Reconciled:
    """Puts what is not there, and changes what has changed.

    Args:
        store: opened for writing.
        records: in any order; those of one run may come in parts.

    Raises:
        MetadataStoreError: if the store does not keep what is put.
    """
    from ml_metadata import errors

    records = list(records)
    total = Reconciled(records=len(records))
    problem = "what was written is missing afterwards"
    for _ in range(_ATTEMPTS):
        try:
            done = _Pass(store).run(records)
        except (errors.AlreadyExistsError, LostWrite) as error:
            problem = str(error)
            continue
        total.artifacts += done.artifacts
        total.events += done.events
        total.waiting = done.waiting
        if not done.artifacts and not done.events:
            return total
    raise MetadataStoreError(
        f"{store.name} does not keep what is written: {problem}",
        expected="a store that keeps it, even with concurrent writers",
        fix="try again when fewer processes write, or use MySQL or a server",
    )


class _Pass:
    """One look at the store and what it lacks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._executions = Executions(store)
        self._artifacts = Artifacts(store)
        self._events = Events(store)
        self._waiting = 0

    def run(self, records: Sequence[Record]) -> Reconciled:
        """Steps first: the others may speak of what they wrote."""
        steps = [record for record in records if isinstance(record, StepRecord)]
        for step in sorted(steps, key=lambda record: record.wall_time):
            self._step(step)
        self._checkpoints(records)
        for record in records:
            if isinstance(record, ModelRecord):
                self._published(record, _MODEL_TYPE, facts_of_model(record))
            elif isinstance(record, PushRecord) and record.uri == record.destination:
                self._pushed_again(record)
            elif isinstance(record, PushRecord):
                self._published(record, _PUSHED_TYPE, facts_of_push(record))
        events = self._events.put()
        return Reconciled(len(records), self._artifacts.written, events, self._waiting)

    def _step(self, step: StepRecord) -> None:
        execution = self._executions.of(step)
        if not execution.imported:
            return  # TFX has recorded it.
        for put, artifacts in (
            (self._events.input, step.inputs),
            (self._events.output, step.outputs),
        ):
            seen: collections.Counter[str] = collections.Counter()
            wanted = [
                Wanted(a.type, a.uri, ("artifact", a.type, a.uri), dict(a.properties))
                for a in artifacts
            ]
            numbers = self._artifacts.put(wanted, execution)
            for number, artifact in zip(numbers, artifacts, strict=True):
                put(number, execution.id, (artifact.key, seen[artifact.key]))
                seen[artifact.key] += 1

    def _checkpoints(self, records: Sequence[Record]) -> None:
        # By step, and then by execution: the checkpoint with the highest number is the newest.
        found = [record for record in records if isinstance(record, CheckpointRecord)]
        mine = sorted(found, key=lambda record: record.step)
        exported = {r.checkpoint_digest for r in records if isinstance(r, ModelRecord)}
        known = self._artifacts.known([identity_of(record) for record in mine])
        by_execution: dict[Execution, list[CheckpointRecord]] = {}
        for record in mine:
            # What was removed before anybody heard of it is not worth a mention, unless a
            # model came of it.
            if record.kept or record.digest in exported or identity_of(record) in known:
                by_execution.setdefault(self._executions.of(record), []).append(record)
        numbers: dict[str, int] = {}
        for execution, group in sorted(by_execution.items(), key=lambda one: one[0].id):
            wanted = [
                Wanted(CHECKPOINT_TYPE, r.uri, identity_of(r), facts_of_checkpoint(r), live=r.kept)
                for r in group
            ]
            for number, record in zip(self._artifacts.put(wanted, execution), group, strict=True):
                numbers[record.digest] = number
                self._events.output(number, execution.id)
        for execution, group in by_execution.items():
            for digest in {r.resumed_from for r in group if r.resumed_from}:
                if digest in numbers and not self._events.made(numbers[digest], execution.id):
                    self._events.input(numbers[digest], execution.id)

    def _published(
        self, record: ModelRecord | PushRecord, type_name: str, facts: dict[str, Value]
    ) -> None:
        found = self._at(record.uri, type_name)
        if found:
            self._artifacts.add_facts(max(found, key=lambda one: one.id), facts)
        else:
            self._waiting += 1

    def _pushed_again(self, record: PushRecord) -> None:
        """Of a rollback no runner publishes anything: the version itself is the artifact."""
        execution = self._executions.of(record)
        wanted = Wanted(
            _PUSHED_TYPE, record.uri, ("artifact", _PUSHED_TYPE, record.uri), facts_of_push(record)
        )
        (number,) = self._artifacts.put([wanted], execution)
        self._events.output(number, execution.id)
        for model in self._models_of(record):
            self._events.input(model.id, execution.id)

    def _models_of(self, record: PushRecord) -> list[Any]:
        if record.model_uri:
            return self._at(record.model_uri, _MODEL_TYPE)
        if record.rolled_back_to is None:
            return []
        # TFX's own Pusher says of no version which model it is; its execution does.
        found = models_of_version(self._store, record.rolled_back_to)
        return found if len({model.uri for model in found}) == 1 else []

    def _at(self, uri: str, type_name: str) -> list[Any]:
        return [a for a in self._store.get_artifacts_by_uri(uri) if a.type == type_name]
