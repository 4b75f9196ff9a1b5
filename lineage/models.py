"""Models, the verdicts on them and where they were pushed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from tfx_estimators.errors import NotInMetadataError
from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.properties import number_of, value_of
from tfx_estimators.lineage.select import Condition, select
from tfx_estimators.lineage.store import Store
from tfx_estimators.lineage.versions import PUSHED, models_of_version, served

__all__ = ["Model", "Version", "find_model", "list_models"]

MODEL, BLESSING = "Model", "ModelBlessing"
_STATES = {0: "unknown", 1: "pending", 2: "live", 3: "marked_for_deletion", 4: "deleted",
           5: "abandoned", 6: "reference"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Version:
    """A version that a model was pushed as.

    Attributes:
        id: number of the PushedModel artifact.
        version: the version's name.
        destination: its folder.
        served: whether it is the highest that ML Metadata knows of in that folder, which
            servers serve.
    """

    id: int
    version: str
    destination: str
    served: bool = False


@dataclasses.dataclass(frozen=True)
class Model:
    """A model.

    Attributes:
        id: number of its artifact.
        uri: where the artifact lies.
        state: "live", "deleted" ...
        created: when it was recorded, in seconds since 1970 (UTC).
        digest: of its SavedModel; None for a model that says none.
        fingerprint: of its training, likewise.
        checkpoint_digest: of the checkpoint that it was exported from, likewise.
        step: the checkpoint's, likewise.
        blessed: the newest verdict; None if there is none.
        versions: as which it was pushed.
    """

    id: int
    uri: str
    state: str
    created: float
    digest: str | None
    fingerprint: str | None
    checkpoint_digest: str | None
    step: int | None
    blessed: bool | None
    versions: tuple[Version, ...]


def list_models(
    store: Store,
    *,
    fingerprint: str | None = None,
    blessed: bool = False,
    limit: int | None = 20,
) -> list[Model]:
    """Models, the newest first.

    Args:
        store: the store.
        fingerprint: of this training only; the beginning of it will do.
        blessed: only those that are.
        limit: how many at most; None for all.
    """
    conditions = []
    if fingerprint is not None:
        conditions.append(Condition("fingerprint", "PREFIX", fingerprint))
    asked = None if blessed else limit
    found = select(store, "artifacts", MODEL, conditions, limit=asked, newest_first=True)
    models = [model for model in _describe(store, found) if model.blessed or not blessed]
    return models[:limit]


def find_model(store: Store, name: str) -> Model:
    """A model by its number, its uri, the beginning of its digest, or a pushed version.

    Raises:
        NotInMetadataError: if there is none, or several are meant.
    """
    found: list[Any] = []
    if (number := number_of(name)) is not None:
        found = [a for a in store.get_artifacts_by_id([number]) if a.type == MODEL]
    found = found or select(store, "artifacts", MODEL, [Condition("uri", "=", name)])
    found = found or models_of_version(store, name)
    if not found and len(name) >= 6:
        found = select(store, "artifacts", MODEL, [Condition("model_digest", "PREFIX", name)])
    if not found:
        raise NotInMetadataError(
            f"{store.name} has no model {name!r}",
            expected="a number, a uri, the beginning of a digest, or a pushed version",
            fix="tfx-estimators models",
        )
    if len({value_of(artifact, "model_digest") or artifact.id for artifact in found}) > 1:
        raise NotInMetadataError(
            f"{len(found)} models match {name!r}: "
            f"{', '.join(str(artifact.id) for artifact in found[:5])}",
            expected="a number, or more digits of a digest",
            fix="tfx-estimators models",
        )
    return _describe(store, [max(found, key=lambda artifact: artifact.id)])[0]


def _describe(store: Store, artifacts: Iterable[Any]) -> list[Model]:
    listed = list(artifacts)
    graph = Graph(store)
    readers = graph.consumers(artifact.id for artifact in listed)
    outputs = graph.outputs(n for numbers in readers.values() for n in numbers)
    made = graph.artifacts(n for numbers in outputs.values() for n in numbers)
    newest = served(store) if listed else set()
    return [
        _model(
            artifact,
            [made[n] for reader in readers.get(artifact.id, ()) for n in outputs.get(reader, ())],
            newest,
        )
        for artifact in listed
    ]


def _model(artifact: Any, of_readers: list[Any], of_servers: set[int]) -> Model:
    verdicts = [
        one
        for one in of_readers
        # An evaluator reads two models: its verdict is on one of them.
        if one.type == BLESSING and value_of(one, "current_model") in (artifact.uri, None)
    ]
    newest = max(verdicts, key=lambda one: one.id, default=None)
    verdict = None if newest is None else value_of(newest, "blessed")
    versions = tuple(
        Version(one.id, str(value_of(one, "pushed_version")), str(where), one.id in of_servers)
        for one in sorted(of_readers, key=lambda one: one.id)
        if one.type == PUSHED and (where := value_of(one, "pushed_destination"))
    )
    facts: Any = {n: value_of(artifact, n) for n in (
        "model_digest", "fingerprint", "checkpoint_digest", "step")}  # fmt: skip
    return Model(
        id=artifact.id,
        uri=artifact.uri,
        state=_STATES.get(artifact.state, "unknown"),
        created=artifact.create_time_since_epoch / 1000,
        digest=facts["model_digest"],
        fingerprint=facts["fingerprint"],
        checkpoint_digest=facts["checkpoint_digest"],
        step=facts["step"],
        blessed=None if verdict is None else verdict == 1,
        versions=tuple(dict.fromkeys(versions)),
    )
