"""Who made what, and from what: events of a store, many at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfx_estimators.lineage.properties import chunks
from tfx_estimators.lineage.store import Store

__all__ = ["Graph"]


class Graph:
    """Artifacts and executions by number, and the events between them.

    Args:
        store: the store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def artifacts(self, numbers: Iterable[int]) -> dict[int, Any]:
        """Artifacts by number."""
        parts = chunks(sorted(set(numbers)))
        return {a.id: a for part in parts for a in self._store.get_artifacts_by_id(list(part))}

    def executions(self, numbers: Iterable[int]) -> dict[int, Any]:
        """Executions by number."""
        parts = chunks(sorted(set(numbers)))
        return {e.id: e for part in parts for e in self._store.get_executions_by_id(list(part))}

    def producers(self, artifacts: Iterable[int]) -> dict[int, int]:
        """The execution that made each artifact, where one is known.

        A cached execution has the outputs of the one that did the work, which comes first.
        """
        found: dict[int, int] = {}
        for event in self._events_of_artifacts(artifacts):
            if _is_output(event):
                known = found.get(event.artifact_id, event.execution_id)
                found[event.artifact_id] = min(known, event.execution_id)
        return found

    def consumers(self, artifacts: Iterable[int]) -> dict[int, list[int]]:
        """The executions that read each artifact."""
        return _grouped(
            (event.artifact_id, event.execution_id)
            for event in self._events_of_artifacts(artifacts)
            if not _is_output(event)
        )

    def outputs(self, executions: Iterable[int]) -> dict[int, list[int]]:
        """The artifacts that each execution made."""
        return _grouped(
            (event.execution_id, event.artifact_id)
            for event in self._events_of_executions(executions)
            if _is_output(event)
        )

    def inputs(self, executions: Iterable[int]) -> dict[int, list[int]]:
        """The artifacts that each execution read."""
        return _grouped(
            (event.execution_id, event.artifact_id)
            for event in self._events_of_executions(executions)
            if not _is_output(event)
        )

    def _events_of_artifacts(self, numbers: Iterable[int]) -> Iterable[Any]:
        for part in chunks(sorted(set(numbers))):
            yield from self._store.get_events_by_artifact_ids(list(part))

    def _events_of_executions(self, numbers: Iterable[int]) -> Iterable[Any]:
        for part in chunks(sorted(set(numbers))):
            yield from self._store.get_events_by_execution_ids(list(part))


def _is_output(event: Any) -> bool:
    return event.type in (event.OUTPUT, event.DECLARED_OUTPUT, event.INTERNAL_OUTPUT)


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for key, value in pairs:
        if value not in found.setdefault(key, []):
            found[key].append(value)
    return found
