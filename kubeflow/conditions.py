"""Steps under a condition (`tfx.dsl.experimental.conditionals`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["asks_artifacts", "conditional_tasks", "point_conditions"]

_ARTIFACTS = re.compile(r"inputs\.artifacts\['([^']+)'\]")


def point_conditions(spec: dict[str, Any]) -> None:
    """Has conditions ask the inputs that their tasks have.

    TFX's compiler names an artifact in a condition by its producer, `_NODE.OUTPUT`, and adds
    an input of that name only where the step has none from there already. The backend then
    finds no such input.

    Args:
        spec: a PipelineSpec as TFX compiles it, changed in place.
    """
    for task in spec["root"]["dag"]["tasks"].values():
        condition = task.get("triggerPolicy", {}).get("condition")
        if not condition:
            continue
        given = task.get("inputs", {}).get("artifacts", {})
        keys = {}
        for key, source in given.items():
            made = source.get("taskOutputArtifact")
            if made:
                keys[f"_{made['producerTask']}.{made['outputArtifactKey']}"] = key

        def own(match: re.Match[str], given: Any = given, keys: Any = keys) -> str:
            key = match[1] if match[1] in given else keys.get(match[1], match[1])
            return f"inputs.artifacts['{key}']"

        task["triggerPolicy"]["condition"] = _ARTIFACTS.sub(own, condition)


def asks_artifacts(task: dict[str, Any]) -> bool:
    """Whether a task's condition is about what an artifact is told to be."""
    return _ARTIFACTS.search(task.get("triggerPolicy", {}).get("condition") or "") is not None


def conditional_tasks(tasks: Mapping[str, Any]) -> set[str]:
    """Tasks that a condition may leave out, and those that come after them."""
    found = {name for name, task in tasks.items() if task.get("triggerPolicy")}
    while True:
        more = {
            name
            for name, task in tasks.items()
            if name not in found and found.intersection(task.get("dependentTasks", ()))
        }
        if not more:
            return found
        found |= more
