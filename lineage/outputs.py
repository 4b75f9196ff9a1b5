"""Asks ML Metadata what a node of a pipeline last produced."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from tfx_estimators.errors import PipelineError
from tfx_estimators.lineage.runs import Run, list_runs
from tfx_estimators.lineage.store import Store, open_store

__all__ = ["Produced", "latest_outputs", "outputs_of_newest_run", "outputs_of_run"]


@dataclasses.dataclass(frozen=True)
class Produced:
    """The outputs of one execution.

    Attributes:
        execution_id: the execution in the store.
        cached: whether TFX took the outputs from an earlier execution.
        artifacts: output key -> MLMD artifacts, in the order they were published.
    """

    execution_id: int
    cached: bool
    artifacts: dict[str, list[Any]]

    def uri(self, key: str) -> str:
        """Where the only, or first, artifact on an output key lies."""
        return str(self.artifacts[key][0].uri)

    def custom(self, key: str, name: str) -> str | int | float | None:
        """A custom property of the first artifact on an output key; None if not set."""
        properties = self.artifacts[key][0].custom_properties
        if name not in properties:
            return None
        value = properties[name]
        return getattr(value, value.WhichOneof("value"))


def latest_outputs(database: pathlib.Path, pipeline: str, node: str) -> Produced:
    """The newest successful execution of a node, cached ones included.

    Args:
        database: the SQLite file of the pipeline's metadata.
        pipeline: the pipeline's name.
        node: the node's id, e.g. "Trainer"; or the name of its component's class, such as
            "EstimatorTrainer", where no node has that id.

    Raises:
        PipelineError: if the store or a successful execution does not exist.
        MetadataStoreError: if the store cannot be read.
    """
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if not database.is_file():
        raise PipelineError(
            f"there is no metadata store at {database}",
            expected="the SQLite file of a pipeline that has run",
            fix=f"run the pipeline {pipeline} first",
        )
    store = open_store(database)
    # TFX puts every execution of a node into a context "<pipeline>.<node>".
    context = store.get_context_by_type_and_name("node", f"{pipeline}.{node}")
    executions = (
        store.get_executions_by_context(context.id) if context else _of_class(store, pipeline, node)
    )
    finished = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)
    done = [e for e in executions if e.last_known_state in finished]
    if not done:
        raise PipelineError(
            f"{node} of the pipeline {pipeline} has not finished yet",
            fix=f"run the pipeline {pipeline} to its end",
        )
    return _produced(store, max(done, key=lambda execution: execution.id))


def outputs_of_newest_run(store: Store, pipeline: str) -> dict[str, Produced]:
    """What the steps of a pipeline's newest run produced, cached ones included.

    Args:
        store: the store.
        pipeline: the pipeline's name.

    Returns:
        node -> its outputs. A step that failed or was skipped has none.
    """
    runs = list_runs(store, pipeline=pipeline, limit=1)
    return outputs_of_run(store, runs[0]) if runs else {}


def outputs_of_run(store: Store, run: Run) -> dict[str, Produced]:
    """What the steps of a run produced, cached ones included.

    Args:
        store: the store.
        run: one of its runs.

    Returns:
        node -> its outputs. A step that failed or was skipped has none.
    """
    done = {s.node: s.id for s in run.steps if s.state in ("complete", "cached")}
    executions = {e.id: e for e in store.get_executions_by_id(list(done.values()))}
    return {node: _produced(store, executions[number]) for node, number in done.items()}


def _produced(store: Store, execution: Any) -> Produced:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    kinds = (mlmd.Event.OUTPUT, mlmd.Event.DECLARED_OUTPUT)
    keys: dict[int, tuple[str, int]] = {}
    for event in store.get_events_by_execution_ids([execution.id]):
        # What was found afterwards and belongs to no output of the node has no path.
        if event.type in kinds and event.path.steps:
            key, index = (step for step in event.path.steps)
            keys[event.artifact_id] = (key.key, index.index)
    artifacts: dict[str, list[Any]] = {}
    found = {artifact.id: artifact for artifact in store.get_artifacts_by_id(list(keys))}
    for artifact_id, (name, _) in sorted(keys.items(), key=lambda item: item[1]):
        artifacts.setdefault(name, []).append(found[artifact_id])
    return Produced(
        execution_id=execution.id,
        cached=execution.last_known_state == mlmd.Execution.CACHED,
        artifacts=artifacts,
    )


def _of_class(store: Any, pipeline: str, name: str) -> list[Any]:
    """Executions of a pipeline's nodes whose component's class has a name."""
    context = store.get_context_by_type_and_name("pipeline", pipeline)
    if context is None:
        return []
    # TFX's execution types have the dotted paths of classes for names.
    types = {one.id for one in store.get_execution_types() if one.name.rpartition(".")[2] == name}
    return [e for e in store.get_executions_by_context(context.id) if e.type_id in types]
