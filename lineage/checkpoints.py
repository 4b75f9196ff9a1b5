"""Checkpoints that ML Metadata knows."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from tfx_estimators.errors import NotInMetadataError
from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.properties import (
    CHECKPOINT_TYPE,
    METRIC,
    number_of,
    value_of,
    values_of,
)
from tfx_estimators.lineage.select import Condition, select
from tfx_estimators.lineage.store import Store

__all__ = ["RecordedCheckpoint", "find_checkpoint", "list_checkpoints"]

_LIVE = 2
_DIGEST = re.compile(r"[0-9a-f]{6,64}")


@dataclasses.dataclass(frozen=True)
class RecordedCheckpoint:
    """A checkpoint as ML Metadata knows it.

    Attributes:
        id: number of its artifact.
        uri: its prefix.
        digest: of its files.
        fingerprint: of the training.
        step: the global step.
        global_examples: trained on up to here; None where that is not known.
        metrics: measured at this step.
        wall_time: when it was written, in seconds since 1970 (UTC).
        size_bytes: of its files.
        checkpoint_format: "saver" or "object".
        kept: whether its files are there, as far as ML Metadata was told.
        execution: number of the training execution that wrote it, if known.
        resumed_from: digest of the checkpoint which that execution went on from.
    """

    id: int
    uri: str
    digest: str
    fingerprint: str
    step: int
    global_examples: int | None
    metrics: dict[str, float]
    wall_time: float
    size_bytes: int
    checkpoint_format: str
    kept: bool
    execution: int | None
    resumed_from: str | None


def list_checkpoints(
    store: Store,
    *,
    fingerprint: str | None = None,
    min_step: int | None = None,
    kept: bool = False,
    limit: int | None = 50,
) -> list[RecordedCheckpoint]:
    """Checkpoints, the newest first.

    Args:
        store: the store.
        fingerprint: of this training only; the beginning of it will do.
        min_step: of this global step or later.
        kept: only those whose files are there.
        limit: how many at most; None for all.
    """
    conditions = []
    if fingerprint is not None:
        conditions.append(Condition("fingerprint", "PREFIX", fingerprint))
    if min_step is not None:
        conditions.append(Condition("step", ">=", min_step))
    if kept:
        conditions.append(Condition("state", "=", "LIVE"))
    found = select(store, "artifacts", CHECKPOINT_TYPE, conditions, limit=limit, newest_first=True)
    return _describe(store, found)


def find_checkpoint(store: Store, name: str) -> RecordedCheckpoint:
    """A checkpoint by its number, the beginning of its digest, or its prefix.

    Raises:
        NotInMetadataError: if there is none, or several begin so.
    """
    found: list[Any] = []
    if (number := number_of(name)) is not None:
        found = [a for a in store.get_artifacts_by_id([number]) if a.type == CHECKPOINT_TYPE]
    if not found and _DIGEST.fullmatch(name):
        condition = Condition("digest", "PREFIX", name)
        found = select(store, "artifacts", CHECKPOINT_TYPE, [condition])
    if not found:
        found = select(store, "artifacts", CHECKPOINT_TYPE, [Condition("uri", "=", name)])
    digests = {value_of(artifact, "digest") for artifact in found}
    if len(digests) > 1:
        raise NotInMetadataError(
            f"{len(digests)} checkpoints match {name!r}",
            expected="a number, or more digits of a digest",
            fix="tfx-estimators checkpoints",
        )
    if not found:
        raise NotInMetadataError(
            f"{store.name} has no checkpoint {name!r}",
            expected="a number, the first 6 or more digits of a digest, or a prefix",
            fix="tfx-estimators checkpoints; for a Kubeflow run: tfx-estimators import",
        )
    # Copies are alike: the one whose files are there will do.
    newest = max(found, key=lambda artifact: (artifact.state == _LIVE, artifact.id))
    return _describe(store, [newest])[0]


def _describe(store: Store, artifacts: list[Any]) -> list[RecordedCheckpoint]:
    producers = Graph(store).producers(artifact.id for artifact in artifacts)
    return [_checkpoint(artifact, producers.get(artifact.id)) for artifact in artifacts]


def _checkpoint(artifact: Any, execution: int | None) -> RecordedCheckpoint:
    facts: dict[str, Any] = values_of(artifact)
    return RecordedCheckpoint(
        id=artifact.id,
        uri=artifact.uri,
        digest=facts["digest"],
        fingerprint=facts["fingerprint"],
        step=facts["step"],
        global_examples=facts.get("global_examples"),
        metrics={n.removeprefix(METRIC): v for n, v in facts.items() if n.startswith(METRIC)},
        wall_time=facts["wall_time"],
        size_bytes=facts["size_bytes"],
        checkpoint_format=facts["format"],
        kept=artifact.state == _LIVE,
        execution=execution,
        resumed_from=facts.get("resumed_from"),
    )
