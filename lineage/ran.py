"""What the steps of a run did and made, those of a cached step by the execution it stands for."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE, METRIC, Value, value_of, values_of
from tfx_estimators.lineage.runs import Run, parameters_of
from tfx_estimators.lineage.store import Store

__all__ = ["Ran", "ran_of"]


@dataclasses.dataclass(frozen=True)
class Ran:
    """A run.

    Attributes:
        steps: parameters by node.
        kinds: by node, the types of what it made.
        made: all artifacts but checkpoints.
        checkpoint: step, examples and metrics of the newest checkpoint.
    """

    steps: dict[str, dict[str, Value]]
    kinds: dict[str, frozenset[str]]
    made: tuple[Any, ...]
    checkpoint: dict[str, Value]


def ran_of(store: Store, run: Run) -> Ran:
    """Looks at the last execution of each node."""
    graph = Graph(store)
    last = {step.node: step for step in run.steps}
    outputs = graph.outputs(step.id for step in last.values())
    producers = graph.producers(n for numbers in outputs.values() for n in numbers)
    # A cached execution has the outputs of the one that did the work.
    worked: dict[str, int] = {}
    for node, step in last.items():
        did = [producers[n] for n in outputs.get(step.id, ()) if n in producers]
        worked[node] = min(did) if step.state == "cached" and did else step.id
    made = graph.outputs({*worked.values(), *(step.id for step in last.values())})
    artifacts = graph.artifacts(n for numbers in made.values() for n in numbers)
    executions = graph.executions(set(worked.values()))
    newest = max(
        (a for a in artifacts.values() if a.type == CHECKPOINT_TYPE),
        key=lambda a: int(value_of(a, "step") or 0),
        default=None,
    )
    return Ran(
        steps={node: _parameters(executions, worked[node]) for node in last},
        kinds={
            node: frozenset(artifacts[n].type for n in outputs.get(step.id, ()) if n in artifacts)
            - {CHECKPOINT_TYPE}
            for node, step in last.items()
        },
        made=tuple(a for a in artifacts.values() if a.type != CHECKPOINT_TYPE),
        checkpoint={} if newest is None else _measured(newest),
    )


def _parameters(executions: dict[int, Any], number: int) -> dict[str, Value]:
    return parameters_of(executions[number]) if number in executions else {}


def _measured(checkpoint: Any) -> dict[str, Value]:
    return {
        name.removeprefix(METRIC): value
        for name, value in values_of(checkpoint).items()
        if name.startswith(METRIC) or name in ("step", "global_examples")
    }
