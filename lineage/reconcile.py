"""Tells ML Metadata what the records say.

Everything is put or found by an external id and compared before it is put, so this may
run twice, in several processes at once, or again after it was killed in the middle.

Events of what TFX did not record itself are DECLARED_OUTPUT and DECLARED_INPUT without a
path, for TFX's sake: its cache takes the OUTPUT events of an execution for the component's
own outputs, demands a path of them, and that all their files exist
(`portable/cache_utils.py`, seen on TFX 1.15.1, 1.16.0 and 1.21.0). Checkpoints are no
outputs of the component, and `gc` removes some.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from tfx_estimators.errors import MetadataStoreError
from tfx_estimators.lineage.origins import LostWrite, Origin, Origins, external_id, read_type
from tfx_estimators.lineage.properties import (
    CHECKPOINT_TYPE,
    METRIC,
    Value,
    chunks,
    fill,
    value_of,
)
from tfx_estimators.lineage.record_files import LOCAL, Files, read_records
from tfx_estimators.lineage.records import (
    CheckpointRecord,
    ModelRecord,
    PushRecord,
    Record,
    StepRecord,
)
from tfx_estimators.lineage.store import Store

__all__ = ["Reconciled", "reconcile", "reconcile_folder"]

_ATTEMPTS = 50  # Each means that somebody else got on.
# ML Metadata writes numbers into SQL with six decimals.
_TOLERANCE = 1e-6
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
        NotInMetadataError: if the folder does not exist.
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
    problem = "what is put is not there afterwards"
    for _ in range(_ATTEMPTS):
        one = _Pass(store)
        try:
            one.run(records)
        except (errors.AlreadyExistsError, LostWrite) as error:
            problem = str(error)
            continue
        total.artifacts += one.done.artifacts
        total.events += one.done.events
        total.waiting = one.done.waiting
        if not one.done.artifacts and not one.done.events:
            return total
    raise MetadataStoreError(
        f"{store.name} does not keep what is put: {problem}",
        expected="a store that keeps it, with other writers too",
        fix="try again when fewer processes write, or use MySQL or a server",
    )


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """An artifact as it should be.

    Attributes:
        type: its type's name.
        uri: where it lies.
        identity: what makes it the same one.
        properties: its custom properties.
        live: whether its files are there.
    """

    type: str
    uri: str
    identity: tuple[str, ...]
    properties: dict[str, Value]
    live: bool = True


class _Pass:
    """One look at the store and what it lacks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._origins = Origins(store)
        self._types: dict[str, int] = {}
        # (artifact, execution, is output) -> the output's or input's name and place
        self._events: dict[tuple[int, int, bool], tuple[str, int] | None] = {}
        self.done = Reconciled()

    def run(self, records: Sequence[Record]) -> None:
        """Steps first: the others may speak of what they wrote."""
        steps = [record for record in records if isinstance(record, StepRecord)]
        for step in sorted(steps, key=lambda record: record.wall_time):
            self._step(step)
        self._checkpoints(records)
        for record in records:
            if isinstance(record, ModelRecord):
                self._published(record, _MODEL_TYPE, _facts_of_model(record))
            elif isinstance(record, PushRecord):
                self._published(record, _PUSHED_TYPE, _facts_of_push(record))
        self._put_events()

    def _step(self, step: StepRecord) -> None:
        origin = self._origins.of(step)
        if not origin.imported:
            return  # TFX has recorded it.
        for is_output, artifacts in ((False, step.inputs), (True, step.outputs)):
            seen: collections.Counter[str] = collections.Counter()
            wanted = [
                _Wanted(a.type, a.uri, ("artifact", a.type, a.uri), dict(a.properties))
                for a in artifacts
            ]
            for number, artifact in zip(self._artifacts(wanted, origin), artifacts, strict=True):
                place = (artifact.key, seen[artifact.key])
                seen[artifact.key] += 1
                self._events[number, origin.id, is_output] = place

    def _checkpoints(self, records: Sequence[Record]) -> None:
        mine = [record for record in records if isinstance(record, CheckpointRecord)]
        exported = {r.checkpoint_digest for r in records if isinstance(r, ModelRecord)}
        known = self._known([_identity(record) for record in mine])
        by_origin: dict[Origin, list[CheckpointRecord]] = {}
        for record in mine:
            # What was removed before anybody heard of it is not worth a mention, unless a
            # model came of it.
            if record.kept or record.digest in exported or _identity(record) in known:
                by_origin.setdefault(self._origins.of(record), []).append(record)
        numbers: dict[str, int] = {}
        for origin, group in by_origin.items():
            wanted = [
                _Wanted(CHECKPOINT_TYPE, r.uri, _identity(r), _facts_of_checkpoint(r), live=r.kept)
                for r in group
            ]
            for number, record in zip(self._artifacts(wanted, origin), group, strict=True):
                numbers[record.digest] = number
                self._events[number, origin.id, True] = None
        for origin, group in by_origin.items():
            for digest in {r.resumed_from for r in group if r.resumed_from}:
                if digest in numbers and (numbers[digest], origin.id, True) not in self._events:
                    self._events[numbers[digest], origin.id, False] = None

    def _published(self, record: ModelRecord | PushRecord, type_name: str,
                   facts: dict[str, Value]) -> None:  # fmt: skip
        """Says on an artifact of the runner's what is known of it."""
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        found = [a for a in self._store.get_artifacts_by_uri(record.uri) if a.type == type_name]
        if not found:
            self.done.waiting += 1
            return
        artifact = max(found, key=lambda one: one.id)
        lacking = {n: v for n, v in facts.items() if not _same(value_of(artifact, n), v)}
        if lacking:
            change = mlmd.Artifact(id=artifact.id, type_id=artifact.type_id, uri=artifact.uri)
            fill(change.custom_properties, lacking)
            paths = [f"custom_properties.{name}" for name in lacking]
            self._store.put_artifacts([change], paths)
            self.done.artifacts += 1

    def _known(self, identities: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Any]:
        ids = {external_id(*identity): identity for identity in identities}
        found = self._store.by_external_ids("artifacts", list(ids))
        return {ids[artifact.external_id]: artifact for artifact in found}

    def _artifacts(self, wanted: Sequence[_Wanted], origin: Origin) -> list[int]:
        """Their numbers, after those that are not there, or not so, were put."""
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        known = self._known([one.identity for one in wanted])
        fresh: dict[tuple[str, ...], Any] = {}
        changed = []
        for one in wanted:
            artifact = mlmd.Artifact(
                type_id=self._type(one.type),
                uri=one.uri,
                external_id=external_id(*one.identity),
                state=mlmd.Artifact.LIVE if one.live else mlmd.Artifact.DELETED,
            )
            fill(artifact.custom_properties, one.properties)
            there = known.get(one.identity)
            if there is None:
                fresh[one.identity] = artifact
            elif there.state != artifact.state or any(
                not _same(value_of(there, name), value) for name, value in one.properties.items()
            ):
                artifact.id = there.id
                for name, value in there.custom_properties.items():
                    if name not in artifact.custom_properties:
                        artifact.custom_properties[name].CopyFrom(value)
                changed.append(artifact)
        if fresh:
            self._store.put_lineage_subgraph(
                [],
                list(fresh.values()),
                list(origin.contexts),
                [],
                reuse_context_if_already_exist=True,
                reuse_artifact_if_already_exist_by_external_id=True,
            )
            known |= self._known(list(fresh))
        if changed:
            self._store.put_artifacts(changed)
        self.done.artifacts += len(fresh) + len(changed)
        try:
            return [int(known[one.identity].id) for one in wanted]
        except KeyError as error:
            raise LostWrite(f"the artifact {error}") from error

    def _type(self, name: str) -> int:
        from ml_metadata import errors
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        if name not in self._types:
            try:
                self._types[name] = int(self._store.get_artifact_type(name).id)
            except errors.NotFoundError:
                self._store.put_artifact_type(mlmd.ArtifactType(name=name))
                self._types[name] = read_type(self._store.get_artifact_type, name)
        return self._types[name]

    def _put_events(self) -> None:
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        kinds = mlmd.Event
        there = set()
        outputs = (kinds.OUTPUT, kinds.DECLARED_OUTPUT, kinds.INTERNAL_OUTPUT)
        for part in chunks({artifact for artifact, _, _ in self._events}):
            for event in self._store.get_events_by_artifact_ids(list(part)):
                there.add((event.artifact_id, event.execution_id, event.type in outputs))
        events = []
        for (artifact, execution, is_output), place in self._events.items():
            if (artifact, execution, is_output) in there:
                continue
            event = kinds(
                artifact_id=artifact,
                execution_id=execution,
                type=_event_type(is_output=is_output, declared=place is None),
            )
            if place is not None:
                event.path.steps.add().key = place[0]
                event.path.steps.add().index = place[1]
            events.append(event)
        for events_of_one_request in chunks(events):
            self._store.put_events(list(events_of_one_request))
        self.done.events += len(events)


def _event_type(*, is_output: bool, declared: bool) -> int:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    kinds = mlmd.Event
    if declared:
        return int(kinds.DECLARED_OUTPUT if is_output else kinds.DECLARED_INPUT)
    return int(kinds.OUTPUT if is_output else kinds.INPUT)


def _identity(record: CheckpointRecord) -> tuple[str, ...]:
    return ("checkpoint", record.uri, record.digest)


def _facts_of_checkpoint(record: CheckpointRecord) -> dict[str, Value]:
    facts: dict[str, Value] = {
        "step": record.step,
        "global_examples": record.global_examples,
        "wall_time": record.wall_time,
        "size_bytes": record.size_bytes,
        "format": record.checkpoint_format,
        "fingerprint": record.fingerprint,
        "digest": record.digest,
    }
    if record.resumed_from is not None:
        facts["resumed_from"] = record.resumed_from
    return facts | {f"{METRIC}{name}": value for name, value in record.metrics.items()}


def _facts_of_model(record: ModelRecord) -> dict[str, Value]:
    return {
        "model_digest": record.digest,
        "checkpoint_digest": record.checkpoint_digest,
        "fingerprint": record.fingerprint,
        "step": record.step,
    }


def _facts_of_push(record: PushRecord) -> dict[str, Value]:
    return {
        "pushed_version": record.version,
        "pushed_destination": record.destination,
        "model_uri": record.model_uri,
        "model_digest": record.model_digest,
    }


def _same(there: Value | None, wanted: Value) -> bool:
    if isinstance(wanted, float) and isinstance(there, int | float):
        return math.isclose(there, wanted, rel_tol=1e-9, abs_tol=_TOLERANCE)
    return there == wanted and isinstance(there, str) == isinstance(wanted, str)
