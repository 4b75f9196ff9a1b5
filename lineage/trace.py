"""From a pushed version to the rows it was trained on, and what came of anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tfx_estimators.errors import NotInMetadataError
from tfx_estimators.lineage.checkpoints import find_checkpoint
from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.models import find_model
from tfx_estimators.lineage.properties import (
    CHECKPOINT_TYPE,
    Value,
    number_of,
    value_of,
    values_of,
)
from tfx_estimators.lineage.select import Condition, select
from tfx_estimators.lineage.store import Store
from tfx_estimators.lineage.versions import models_of_version, pushed_as

__all__ = ["Node", "downstream", "find_artifact", "find_artifacts", "upstream"]

_MODEL = "Model"


@dataclasses.dataclass(frozen=True)
class Node:
    """An artifact on the way.

    Attributes:
        id: its number.
        type: its type.
        uri: where it lies.
        properties: its custom properties.
        execution: number of the execution that made it, if known.
        step: that execution's component type.
        depth: how many steps it is away.
        next: numbers of the artifacts that are one step further away.
    """

    id: int
    type: str
    uri: str
    properties: dict[str, Value]
    execution: int | None
    step: str | None
    depth: int
    next: tuple[int, ...]


def find_artifacts(store: Store, name: str) -> list[int]:
    """The numbers of what a name means: of a span, every reading of it.

    Args:
        store: the store.
        name: see `find_artifact`.

    Raises:
        NotInMetadataError: if there is nothing of that name.
    """
    first = find_artifact(store, name)
    if not name.startswith("span:"):
        return [first]
    of_span = select(store, "artifacts", "Examples", [Condition("span", "=", number_of(name[5:]))])
    graph = Graph(store)
    producers = graph.producers(artifact.id for artifact in of_span)
    inputs = graph.inputs(producers.values())
    read = graph.artifacts(n for numbers in inputs.values() for n in numbers)
    # What was made of a reading, such as transformed examples, comes after it.
    made = {e for e, numbers in inputs.items() if any(read[n].type == "Examples" for n in numbers)}
    return [a.id for a in of_span if producers.get(a.id) not in made] or [first]


def find_artifact(store: Store, name: str) -> int:
    """The number of what a name means.

    Args:
        store: the store.
        name: an artifact's number or uri, a pushed version (its name or folder), the
            beginning of a model's or a checkpoint's digest, or "span:7" for examples.

    Raises:
        NotInMetadataError: if there is nothing of that name, or versions of several models have
            it.
    """
    if name.startswith("span:") and (span := number_of(name[5:])) is not None:
        condition = Condition("span", "=", span)
        of_span = select(store, "artifacts", "Examples", [condition])
        if of_span:
            # The examples that were read in come before what was made of them.
            return int(of_span[0].id)
        raise _unknown(store, name)
    if (number := number_of(name)) is not None:
        if store.get_artifacts_by_id([number]):
            return number
    else:
        by_uri = select(store, "artifacts", None, [Condition("uri", "=", name.rstrip("/"))])
        if by_uri:
            return int(by_uri[-1].id)
    if pushed := pushed_as(store, name):
        # Two pipelines may push the same number, each in a folder of its own.
        if models_of_version(store, name):
            find_model(store, name)
        return int(pushed[-1].id)
    for find in (find_model, find_checkpoint):
        try:
            return int(find(store, name).id)
        except NotInMetadataError:
            continue
    raise _unknown(store, name)


def upstream(store: Store, *artifacts: int) -> list[Node]:
    """What artifacts were made from, themselves first, the raw examples last.

    A model was made from its checkpoint, and a checkpoint from those that its training
    went on from.
    """
    graph = Graph(store)

    def before(numbers: list[int]) -> dict[int, list[int]]:
        producers = graph.producers(numbers)
        inputs = graph.inputs(producers.values())
        found = {n: list(inputs.get(producers[n], ())) for n in numbers if n in producers}
        for model, checkpoint in _exported_from(store, graph, numbers).items():
            found.setdefault(model, []).append(checkpoint)
        return found

    return _walk(graph, artifacts, before)


def downstream(store: Store, *artifacts: int) -> list[Node]:
    """What came of artifacts, themselves first: what else came from these rows?"""
    graph = Graph(store)

    def after(numbers: list[int]) -> dict[int, list[int]]:
        consumers = graph.consumers(numbers)
        outputs = graph.outputs(n for readers in consumers.values() for n in readers)
        return {
            number: [n for reader in readers for n in outputs.get(reader, ())]
            for number, readers in consumers.items()
        }

    return _walk(graph, artifacts, after)


def _walk(
    graph: Graph, start: Sequence[int], step: Callable[[list[int]], Mapping[int, Iterable[int]]]
) -> list[Node]:
    depths, further = dict.fromkeys(start, 0), dict[int, tuple[int, ...]]()
    layer, depth = list(start), 0
    while layer:
        found = step(layer)
        depth += 1
        fresh: list[int] = []
        for number in layer:
            further[number] = tuple(sorted(set(found.get(number, ())) - {number}))
            for one in further[number]:
                if one not in depths:
                    depths[one] = depth
                    fresh.append(one)
        layer = fresh
    artifacts, producers = graph.artifacts(depths), graph.producers(depths)
    executions = graph.executions(producers.values())
    return [
        Node(
            id=number,
            type=artifacts[number].type,
            uri=artifacts[number].uri,
            properties=values_of(artifacts[number]),
            execution=producers.get(number),
            step=executions[producers[number]].type if number in producers else None,
            depth=depths[number],
            next=further[number],
        )
        for number in depths
        if number in artifacts
    ]


def _exported_from(store: Store, graph: Graph, numbers: Iterable[int]) -> dict[int, int]:
    """Model -> the checkpoint that it was exported from, where the model says."""
    models = [a for a in graph.artifacts(numbers).values() if a.type == _MODEL]
    wanted = {m.id: digest for m in models if (digest := value_of(m, "checkpoint_digest"))}
    if not wanted:
        return {}
    # Nearly always the training's own; a store may hold very many others.
    trainings = set(graph.producers(wanted).values())
    near = [*graph.inputs(trainings).values(), *graph.outputs(trainings).values()]
    known = _digests(graph.artifacts(n for part in near for n in part).values())
    elsewhere = set(wanted.values()) - set(known)
    if elsewhere:
        condition = Condition("digest", "IN", sorted(map(str, elsewhere)))
        known |= _digests(select(store, "artifacts", CHECKPOINT_TYPE, [condition]))
    return {model: known[digest] for model, digest in wanted.items() if digest in known}


def _digests(artifacts: Iterable[Any]) -> dict[Value | None, int]:
    return {value_of(a, "digest"): int(a.id) for a in artifacts if a.type == CHECKPOINT_TYPE}


def _unknown(store: Store, name: str) -> NotInMetadataError:
    return NotInMetadataError(
        f"{store.name} has nothing called {name!r}",
        expected="an artifact's number or uri, a pushed version, the beginning of a digest, "
        "or span:NUMBER",
        fix="tfx-estimators models lists models with their versions",
    )
