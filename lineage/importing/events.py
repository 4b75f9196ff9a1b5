"""Adds missing events to the store.

Events of what TFX did not record itself are DECLARED_OUTPUT and DECLARED_INPUT without a
path, for TFX's sake: its cache takes the OUTPUT events of an execution for the component's
own outputs, demands a path of them, and that all their files exist
(`portable/cache_utils.py`, seen on TFX 1.15.1, 1.16.0 and 1.21.0). Checkpoints are no
outputs of the component, and `gc` removes some.
"""

from __future__ import annotations

from tfx_estimators.lineage.properties import chunks
from tfx_estimators.lineage.store import Store

__all__ = ["Events"]


class Events:
    """Events that should be there."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # (artifact, execution, is output) -> the output's or input's name and place
        self._events: dict[tuple[int, int, bool], tuple[str, int] | None] = {}

    def output(self, artifact: int, execution: int, place: tuple[str, int] | None = None) -> None:
        """The execution made the artifact, under an output's name and place if it has them."""
        self._events[artifact, execution, True] = place

    def input(self, artifact: int, execution: int, place: tuple[str, int] | None = None) -> None:
        """The execution read the artifact."""
        self._events[artifact, execution, False] = place

    def made(self, artifact: int, execution: int) -> bool:
        """Whether the artifact is among what the execution made."""
        return (artifact, execution, True) in self._events

    def put(self) -> int:
        """Puts those that are not there; returns how many that were."""
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
        return len(events)


def _event_type(*, is_output: bool, declared: bool) -> int:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    kinds = mlmd.Event
    if declared:
        return int(kinds.DECLARED_OUTPUT if is_output else kinds.DECLARED_INPUT)
    return int(kinds.OUTPUT if is_output else kinds.INPUT)
