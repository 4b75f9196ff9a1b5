"""Runs of pipelines and their steps."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tfx_estimators.errors import NotInMetadataError
from tfx_estimators.lineage.database.tables import find_runs, find_step_names
from tfx_estimators.lineage.properties import (
    BEGAN,
    ENDED,
    Value,
    chunks,
    number_of,
    value_of,
    values_of,
)
from tfx_estimators.lineage.select import Condition, select
from tfx_estimators.lineage.store import Store

__all__ = ["Run", "Step", "find_run", "list_runs", "parameters_of"]

_RUN = "pipeline_run"
# TFX's InteractiveContext gives each step a run of its own, of another type, and notes these
# names beside the parameters. Seen on TFX 1.15.1, 1.16.0 and 1.21.0.
_STEP_IN_NOTEBOOK = "run"
_NOTED_IN_NOTEBOOK = frozenset(
    ("checksum_md5", "component_id", "pipeline_name", "pipeline_root", "run_id", "state")
)
_STATES = {0: "unknown", 1: "new", 2: "running", 3: "complete", 4: "failed", 5: "cached",
           6: "canceled"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Step:
    """An execution.

    Attributes:
        id: its number.
        node: the node's id.
        type: the component's type.
        state: "complete", "cached", "failed", "running" ...
        started: in seconds since 1970 (UTC).
        seconds: how long it took, or has taken by its last change.
        parameters: its execution properties.
    """

    id: int
    node: str
    type: str
    state: str
    started: float
    seconds: float
    parameters: dict[str, Value]


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a pipeline.

    Attributes:
        id: number of its context.
        name: the run's id.
        pipeline: the pipeline's name.
        state: "failed" or "running" if any step is, else "complete"; a step that was tried
            again counts by its last attempt.
        started: in seconds since 1970 (UTC).
        seconds: from the first step's beginning to the last one's end.
        steps: in order of time.
    """

    id: int
    name: str
    pipeline: str
    state: str
    started: float
    seconds: float
    steps: tuple[Step, ...]


def list_runs(store: Store, *, pipeline: str | None = None, limit: int | None = 20) -> list[Run]:
    """Runs, the newest first.

    The steps that a notebook ran in TFX's InteractiveContext are one run, with the pipeline's
    name; such runs are listed if the store has no others.

    Args:
        store: the store.
        pipeline: of this pipeline only.
        limit: how many at most; None for all.
    """
    contexts: Iterable[Any]
    if pipeline is None:
        contexts = select(store, "contexts", _RUN, limit=limit, newest_first=True)
    else:
        contexts = itertools.islice(_of_pipeline(store, pipeline, limit), limit)
    names = None if store.database is None else find_step_names(store.database)
    found = [_describe(store, context, names) for context in contexts]
    if not found:
        found = [_describe(store, context) for context in _notebooks(store, pipeline)[:limit]]
    return found


def _notebooks(store: Store, pipeline: str | None = None) -> list[Any]:
    """The pipelines whose steps a notebook ran, or the one of a name; the newest first."""
    wanted = [] if pipeline is None else [Condition("name", "=", pipeline)]
    return [
        context
        for context in select(store, "contexts", "pipeline", wanted, newest_first=True)
        if select(
            store,
            "contexts",
            _STEP_IN_NOTEBOOK,
            [Condition("name", "PREFIX", f"{context.name}.")],
            limit=1,
        )
    ]


def _of_pipeline(store: Store, pipeline: str, limit: int | None) -> Iterator[Any]:
    """A pipeline's runs, the newest first."""
    if store.database is not None:
        numbers = find_runs(store.database, pipeline, limit=limit)
        if numbers is not None:
            found = {c.id: c for part in chunks(numbers) for c in store.get_contexts_by_id(part)}
            yield from (found[number] for number in numbers if number in found)
            return
    # Of a server nobody asks more than what is shown: one step says which pipeline it is.
    for context in select(store, "contexts", _RUN, newest_first=True):
        executions = store.get_executions_by_context(context.id)
        names = store.get_contexts_by_execution(executions[0].id) if executions else []
        if ("pipeline", pipeline) in {(one.type, one.name) for one in names}:
            yield context


def find_run(store: Store, name: str) -> Run:
    """A run by its id, the beginning of it, the number of one of its steps, or "latest".

    A notebook's run in TFX's InteractiveContext has the pipeline's name; it is "latest" if
    the store has no other runs.

    Raises:
        NotInMetadataError: if there is none, or several begin so.
    """
    if name == "latest":
        contexts = select(store, "contexts", _RUN, limit=1, newest_first=True)
    else:
        contexts = select(store, "contexts", _RUN, [Condition("name", "=", name)])
        if not contexts and name:
            contexts = select(store, "contexts", _RUN, [Condition("name", "PREFIX", name)])
    if not contexts and (number := number_of(name)) is not None:
        contexts = [
            context
            for execution in store.get_executions_by_id([number])
            for context in store.get_contexts_by_execution(execution.id)
            if context.type == _RUN
        ]
    if not contexts:
        contexts = _notebooks(store)[:1] if name == "latest" else _notebooks(store, name)
    if len(contexts) != 1:
        raise _unknown(store, name, [context.name for context in contexts])
    return _describe(store, contexts[0])


def _unknown(store: Store, name: str, found: Sequence[str]) -> NotInMetadataError:
    if found:
        return NotInMetadataError(
            f"{len(found)} runs begin with {name!r}: {', '.join(sorted(found)[:5])}",
            expected="more of the run's id",
            fix="tfx-estimators runs",
        )
    known = [context.name for context in select(store, "contexts", _RUN)]
    near = difflib.get_close_matches(name, known, n=1)
    return NotInMetadataError(
        f"{store.name} has no run {name!r}",
        expected=f"a run's id{f', such as {near[0]!r}' if near else ''}, or latest",
        fix="tfx-estimators runs",
    )


def _describe(
    store: Store, context: Any, known: Mapping[int, Mapping[str, str]] | None = None
) -> Run:
    executions = sorted(store.get_executions_by_context(context.id), key=lambda e: e.id)
    if known is None:
        names = {
            execution.id: {c.type: c.name for c in store.get_contexts_by_execution(execution.id)}
            for execution in executions
        }
    else:
        names = {execution.id: dict(known.get(execution.id, {})) for execution in executions}
    pipeline = next((n["pipeline"] for n in names.values() if "pipeline" in n), "unknown")
    steps = tuple(
        _step(execution, names[execution.id].get("node") or _node_in_notebook(execution), pipeline)
        for execution in executions
    )
    last = {step.node: step.state for step in steps}
    state = next((s for s in ("failed", "running") if s in last.values()), "complete")
    started = min((step.started for step in steps), default=_seconds(context, "create"))
    ended = max((step.started + step.seconds for step in steps), default=started)
    return Run(
        id=context.id,
        name=context.name,
        pipeline=pipeline,
        state=state if steps else "unknown",
        started=started,
        seconds=ended - started,
        steps=steps,
    )


def _node_in_notebook(execution: Any) -> str:
    return str(value_of(execution, "component_id") or "unknown")


def _step(execution: Any, node: str, pipeline: str) -> Step:
    started = float(value_of(execution, BEGAN) or _seconds(execution, "create"))
    ended = float(value_of(execution, ENDED) or _seconds(execution, "last_update"))
    return Step(
        id=execution.id,
        node=node.removeprefix(f"{pipeline}."),
        type=execution.type,
        state=_STATES.get(execution.last_known_state, "unknown"),
        started=started,
        seconds=max(0.0, ended - started),
        parameters=parameters_of(execution),
    )


def parameters_of(execution: Any) -> dict[str, Value]:
    """An execution's properties, without what is noted of the execution itself."""
    found = values_of(execution)
    if "component_id" in execution.properties:
        own = set(execution.properties) - _NOTED_IN_NOTEBOOK
        found |= {
            name: value for name in sorted(own) if (value := value_of(execution, name)) is not None
        }
    return {name: value for name, value in found.items() if not name.startswith("tfx_estimators.")}


def _seconds(thing: Any, which: str) -> float:
    return float(getattr(thing, f"{which}_time_since_epoch")) / 1000
