"""Has the pusher's trial import TensorFlow while the step before the pusher still runs."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from tfx_estimators.components.pusher.trial import end_early_trial, start_early_trial
from tfx_estimators.pipelines.display.run_events import Event, StepRuns

__all__ = ["EarlyTrial"]


class EarlyTrial:
    """Starts the process of the trial during a run, and ends it where nothing was pushed.

    It starts with the last of the steps that an `EstimatorPusher` reads from, the evaluator
    as a rule, and only where that step's executor runs: nothing is started for what comes
    from the cache. Nor is it where the two steps have different variables or processors, which
    the process takes from the step that runs.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`.
        steps: ids of the steps that will run; None for all.
    """

    def __init__(self, pipeline: Any, steps: Collection[str] | None = None) -> None:
        from tfx_estimators.components import EstimatorPusher
        from tfx_estimators.components.resources import Resources
        from tfx_estimators.pipelines.step_resources import environment_of, resources_by_step

        resources = resources_by_step(pipeline)

        def surroundings(step: str) -> tuple[dict[str, str], str | None]:
            own = resources.get(step, Resources())
            return environment_of(own, os.environ), own.cpu

        nodes = {node.id: node for node in pipeline.components}
        self._before: set[str] = set()
        for id_, node in nodes.items():
            if isinstance(node, EstimatorPusher) and (steps is None or id_ in steps):
                above = {upper.id for upper in node.upstream_nodes}
                last = [other for other in nodes if other in above][-1:]
                self._before |= {one for one in last if surroundings(one) == surroundings(id_)}

    def __enter__(self) -> EarlyTrial:
        return self

    def __exit__(self, *_: object) -> None:
        end_early_trial()

    def hear(self, event: Event) -> None:
        """Takes what happens in the run."""
        if isinstance(event, StepRuns) and event.step in self._before:
            start_early_trial()
