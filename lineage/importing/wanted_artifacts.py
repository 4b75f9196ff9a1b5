"""Adds artifacts that are missing in the store, and updates those that differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfx_estimators.lineage.importing.executions import Execution, LostWrite, external_id, read_type
from tfx_estimators.lineage.importing.facts import same_value
from tfx_estimators.lineage.properties import Value, fill, value_of
from tfx_estimators.lineage.store import Store

__all__ = ["Artifacts", "Wanted"]


@dataclasses.dataclass(frozen=True)
class Wanted:
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


class Artifacts:
    """Finds artifacts by what makes them the same ones, or puts them.

    Attributes:
        written: how many were put or changed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._types: dict[str, int] = {}
        self.written = 0

    def add_facts(self, artifact: Any, facts: dict[str, Value]) -> None:
        """Says on an artifact of the runner's what is known of it."""
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        lacking = {n: v for n, v in facts.items() if not same_value(value_of(artifact, n), v)}
        if lacking:
            change = mlmd.Artifact(id=artifact.id, type_id=artifact.type_id, uri=artifact.uri)
            fill(change.custom_properties, lacking)
            paths = [f"custom_properties.{name}" for name in lacking]
            self._store.put_artifacts([change], paths)
            self.written += 1

    def known(self, identities: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Any]:
        """Those that the store has, by identity."""
        ids = {external_id(*identity): identity for identity in identities}
        found = self._store.by_external_ids("artifacts", list(ids))
        return {ids[artifact.external_id]: artifact for artifact in found}

    def put(self, wanted: Sequence[Wanted], execution: Execution) -> list[int]:
        """Their numbers, after those that are not there, or not so, were put."""
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        known = self.known([one.identity for one in wanted])
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
                not same_value(value_of(there, name), value)
                for name, value in one.properties.items()
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
                list(execution.contexts),
                [],
                reuse_context_if_already_exist=True,
                reuse_artifact_if_already_exist_by_external_id=True,
            )
            known |= self.known(list(fresh))
        if changed:
            self._store.put_artifacts(changed)
        self.written += len(fresh) + len(changed)
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
