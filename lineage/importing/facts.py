"""Converts the facts in records to properties of artifacts."""

from __future__ import annotations

import math

from tfx_estimators.lineage.properties import METRIC, Value
from tfx_estimators.lineage.records import CheckpointRecord, ModelRecord, PushRecord

__all__ = [
    "facts_of_checkpoint",
    "facts_of_model",
    "facts_of_push",
    "identity_of",
    "same_value",
]

# ML Metadata writes numbers into SQL with six decimals.
_TOLERANCE = 1e-6


def identity_of(record: CheckpointRecord) -> tuple[str, ...]:
    """What makes a checkpoint the same one."""
    return ("checkpoint", record.uri, record.digest)


def facts_of_checkpoint(record: CheckpointRecord) -> dict[str, Value]:
    """Custom properties of a Checkpoint artifact."""
    facts: dict[str, Value] = {
        "step": record.step,
        "wall_time": record.wall_time,
        "size_bytes": record.size_bytes,
        "format": record.checkpoint_format,
        "fingerprint": record.fingerprint,
        "digest": record.digest,
    }
    if record.global_examples is not None:
        facts["global_examples"] = record.global_examples
    if record.resumed_from is not None:
        facts["resumed_from"] = record.resumed_from
    return facts | {f"{METRIC}{name}": value for name, value in record.metrics.items()}


def facts_of_model(record: ModelRecord) -> dict[str, Value]:
    """What is added to a Model artifact."""
    return {
        "model_digest": record.digest,
        "checkpoint_digest": record.checkpoint_digest,
        "fingerprint": record.fingerprint,
        "step": record.step,
    }


def facts_of_push(record: PushRecord) -> dict[str, Value]:
    """What is added to a PushedModel artifact."""
    return {
        "pushed_version": record.version,
        "pushed_destination": record.destination,
        "model_uri": record.model_uri,
        "model_digest": record.model_digest,
    }


def same_value(there: Value | None, wanted: Value) -> bool:
    """Whether the store has the value, as far as it keeps values."""
    if isinstance(wanted, float) and isinstance(there, int | float):
        return math.isclose(there, wanted, rel_tol=1e-9, abs_tol=_TOLERANCE)
    return there == wanted and isinstance(there, str) == isinstance(wanted, str)
