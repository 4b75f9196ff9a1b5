"""How far the steps of a run are, while it runs and afterwards."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.lineage.importing.executions import identity_of_step
from tfx_estimators.lineage.maintenance.unfinished import is_abandoned
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import CheckpointRecord
from tfx_estimators.report.subject import RunStep, Subject

__all__ = ["Standing", "standings"]


@dataclasses.dataclass(frozen=True)
class Standing:
    """How far a step is.

    Attributes:
        step: the node's id.
        state: "complete", "cached", "failed", "running"; "interrupted" where it is said to
            run, and the process that ran it has ended.
        seconds: how long it took, or has taken until now.
        reached: the global step of its last checkpoint; None for what trains nothing, or has
            written none yet.
        wanted: the global step at which it ends, where that is set.
        checkpoint: prefix of that checkpoint.
        written: when, in seconds since 1970 (UTC).
    """

    step: str
    state: str
    seconds: float
    reached: int | None = None
    wanted: int | None = None
    checkpoint: str | None = None
    written: float | None = None


def standings(subject: Subject) -> list[Standing]:
    """The steps that have begun, in order.

    Checkpoints are read from where the training writes them: ML Metadata hears of them only
    when the step has ended.
    """
    numbers = {n for node in subject.nodes.values() for n in (node.step.id, node.worked)}
    executions = {one.id: one for one in subject.store.get_executions_by_id(sorted(numbers))}
    found = []
    for name, node in subject.nodes.items():
        state, seconds = node.step.state, node.step.seconds
        if state == "running":
            if is_abandoned(executions[node.step.id]):
                state = "interrupted"
            else:
                seconds = max(0.0, time.time() - node.step.started)
        last = _last_checkpoint(subject, node, executions[node.worked])
        found.append(
            Standing(
                name,
                state,
                seconds,
                reached=None if last is None else last.step,
                wanted=_wanted(node),
                checkpoint=None if last is None else last.uri,
                written=None if last is None else last.wall_time,
            )
        )
    return found


def _last_checkpoint(subject: Subject, node: RunStep, worked: Any) -> CheckpointRecord | None:
    store = node.step.parameters.get("checkpoint_store")
    if not store or not files_for(str(store)).exists(str(store)):
        return None
    mine = [
        record
        for record in read_records(str(store), files_for(str(store))).values()
        # Of a cached step it is those of the execution that did the work; an imported one is
        # not called by its number.
        if isinstance(record, CheckpointRecord)
        and (record.execution == str(worked.id) or identity_of_step(record) == worked.external_id)
    ]
    of_pipeline = [record for record in mine if record.pipeline == subject.run.pipeline]
    return max(of_pipeline, key=lambda record: record.step, default=None)


def _wanted(node: RunStep) -> int | None:
    text = node.step.parameters.get("train_args")
    try:
        return int(json.loads(str(text or "{}")).get("num_steps") or 0) or None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
