"""Versions that were pushed: the models behind them, and which ones are served.

A version's folder is spelled as its pusher spelled it, by TFX's own Pusher often relative to
the folder that the pipeline was run in.
"""

from __future__ import annotations

import posixpath
from typing import Any

from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.properties import number_of, value_of
from tfx_estimators.lineage.select import Condition, select
from tfx_estimators.lineage.store import Store
from tfx_estimators.places import canonical

__all__ = ["PUSHED", "models_of_version", "pushed_as", "served"]

PUSHED = "PushedModel"
_MODEL = "Model"


def pushed_as(store: Store, name: str) -> list[Any]:
    """PushedModel artifacts of a version, in order of number.

    Args:
        store: the store.
        name: the version's name, or its folder in any spelling.
    """
    folder = name.rstrip("/") or "/"
    version = folder.rpartition("/")[2]
    found = select(store, "artifacts", PUSHED, [Condition("pushed_version", "=", version)])
    return [one for one in found if _lies_in(one, folder)] if "/" in name else found


def models_of_version(store: Store, name: str) -> list[Any]:
    """Models behind a pushed version; `name` as `pushed_as` takes it."""
    graph = Graph(store)
    pushers = graph.producers(artifact.id for artifact in pushed_as(store, name)).values()
    read = [number for numbers in graph.inputs(pushers).values() for number in numbers]
    return [artifact for artifact in graph.artifacts(read).values() if artifact.type == _MODEL]


def served(store: Store) -> set[int]:
    """Numbers of the PushedModel artifacts that are served, as far as ML Metadata knows.

    A server serves the highest version of a folder.
    """
    pushed = [
        (artifact.id, version, str(where))
        for artifact in select(store, "artifacts", PUSHED)
        if (where := value_of(artifact, "pushed_destination"))
        and (version := number_of(str(value_of(artifact, "pushed_version")))) is not None
    ]
    newest: dict[str, tuple[int, set[int]]] = {}
    # Those first that say the whole folder: it shows what the others are relative to.
    for number, version, where in sorted(pushed, key=lambda one: _is_relative(one[2])):
        folder = posixpath.dirname(canonical(where))
        if _is_relative(where):
            end = f"/{posixpath.dirname(posixpath.normpath(where))}"
            meant = [known for known in newest if known.endswith(end)]
            if len(meant) > 1:
                continue  # Which of them nothing tells.
            folder = meant[0] if meant else folder
        highest, numbers = newest.get(folder, (-1, set()))
        if version > highest:
            newest[folder] = (version, {number})
        elif version == highest:
            numbers.add(number)
    return {number for _, numbers in newest.values() for number in numbers}


def _lies_in(pushed: Any, folder: str) -> bool:
    where = str(value_of(pushed, "pushed_destination") or "")
    if not where:
        return False
    if where == folder or canonical(where) == canonical(folder):
        return True
    # Relative to a folder that nothing tells: the end has to be the same.
    return _is_relative(where) and canonical(folder).endswith(f"/{posixpath.normpath(where)}")


def _is_relative(where: str) -> bool:
    return "://" not in where and not where.startswith("/")
