"""What a report is about: a run, its steps, and what they read and made."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.runs import Run, Step
from tfx_estimators.lineage.store import Store

__all__ = ["EVALUATION_TYPE", "TYPES_READ", "RunStep", "Subject", "look_at"]

EVALUATION_TYPE = "ModelEvaluation"

TYPES_READ = (
    EVALUATION_TYPE,
    "ExampleAnomalies",
    "ExampleStatistics",
    "HyperParameters",
    "Model",
    "ModelRun",
    "TunerResults",
    "tfx_estimators.FeatureColumns",
)
"""Types of artifacts whose files the sections read, beside the inputs of an evaluation."""


@dataclasses.dataclass(frozen=True)
class RunStep:
    """A step of a run.

    Attributes:
        step: its last execution in the run.
        attempts: how many there were.
        worked: number of the execution that did the work; for a cached step an earlier one.
        inputs: artifacts of ML Metadata that it read.
        outputs: those that it made.
        passed: those that it only found for others, as a resolver does.
    """

    step: Step
    attempts: int
    worked: int
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    passed: tuple[Any, ...]

    def made(self, type_name: str) -> list[Any]:
        """Its outputs of a type."""
        return [one for one in self.outputs if one.type == type_name]

    def read(self, type_name: str) -> list[Any]:
        """Its inputs of a type."""
        return [one for one in self.inputs if one.type == type_name]


@dataclasses.dataclass(frozen=True)
class Subject:
    """A run.

    Attributes:
        store: that knows of it.
        run: the run.
        nodes: its steps by their ids, in order of time.
    """

    store: Store
    run: Run
    nodes: dict[str, RunStep]

    def makers(self, type_name: str) -> list[RunStep]:
        """The steps that made an artifact of a type."""
        return [node for node in self.nodes.values() if node.made(type_name)]

    def made(self, type_name: str) -> list[Any]:
        """All artifacts of a type that the run made or took from the cache."""
        return [artifact for node in self.makers(type_name) for artifact in node.made(type_name)]

    def edges(self) -> list[tuple[str, str]]:
        """Which step read what which other one made."""
        found: dict[tuple[str, str], None] = {}
        made_by = {a.id: name for name, node in self.nodes.items() for a in node.outputs}
        for name, node in self.nodes.items():
            for artifact in node.passed:
                made_by.setdefault(artifact.id, name)
        for name, node in self.nodes.items():
            for artifact in node.inputs:
                maker = made_by.get(artifact.id)
                if maker is not None and maker != name:
                    found[maker, name] = None
        return list(found)


def look_at(store: Store, run: Run) -> Subject:
    """Reads what ML Metadata knows of a run's steps.

    Args:
        store: that knows of it.
        run: from `lineage.runs.find_run`.
    """
    graph = Graph(store)
    last = {step.node: step for step in run.steps}
    numbers = [step.id for step in last.values()]
    outputs = graph.outputs(numbers)
    producers = graph.producers(n for made in outputs.values() for n in made)
    worked = {}
    for name, step in last.items():
        did = [producers[n] for n in outputs.get(step.id, ()) if n in producers]
        worked[name] = min(did) if step.state == "cached" and did else step.id
    # What was found out afterwards, such as checkpoints, is with the one that did the work.
    outputs = graph.outputs({*numbers, *worked.values()})
    made = {
        name: list(dict.fromkeys(n for e in (step.id, worked[name]) for n in outputs.get(e, ())))
        for name, step in last.items()
    }
    inputs = graph.inputs(numbers)
    wanted = [n for found in (*made.values(), *inputs.values()) for n in found]
    artifacts = graph.artifacts(wanted)
    own = {name: {step.id, worked[name]} for name, step in last.items()}
    return Subject(
        store,
        run,
        {
            name: RunStep(
                step=step,
                attempts=sum(one.node == name for one in run.steps),
                worked=worked[name],
                inputs=tuple(artifacts[n] for n in inputs.get(step.id, ()) if n in artifacts),
                outputs=tuple(
                    artifacts[n]
                    for n in made[name]
                    if n in artifacts and producers.get(n, worked[name]) in own[name]
                ),
                passed=tuple(
                    artifacts[n]
                    for n in made[name]
                    if n in artifacts and producers.get(n, worked[name]) not in own[name]
                ),
            )
            for name, step in sorted(last.items(), key=lambda one: one[1].started)
        },
    )
