"""What the user sees of a run: each step announced, timed, and cached ones named.

Both of TFX's local runners start a step through `launcher.Launcher`; for the
length of a run that class is replaced by one that also reports, and heeds what
`Resources` say of the step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tfx.orchestration.portable import launcher

from tfx_estimators.components.resources import Resources
from tfx_estimators.components.user_code import describe
from tfx_estimators.errors import PipelineError
from tfx_estimators.pipelines.display.audience import counting, counts_of
from tfx_estimators.pipelines.display.lines import line_of
from tfx_estimators.pipelines.display.run_events import (
    Event,
    Message,
    Outcome,
    StepBegan,
    StepEnded,
    StepRuns,
)
from tfx_estimators.pipelines.late_operator import late_operators
from tfx_estimators.pipelines.step_failures import no_exit
from tfx_estimators.pipelines.step_resources import step_environment

if TYPE_CHECKING:
    from tfx_estimators.pipelines.side_by_side.schedule import Schedule

__all__ = ["Steps", "announce_steps"]


@dataclasses.dataclass
class Steps:
    """How far a run has come.

    Attributes:
        started: number of steps begun.
        current: id of the newest of them; of the one that failed, once the run has.
        failures: by the ids of steps, what the executor raised. What the runner raises may be
            of ML Metadata, which could not be told of it.
    """

    started: int = 0
    current: str = "the pipeline"
    failures: dict[str, Exception] = dataclasses.field(default_factory=dict)


@contextlib.contextmanager
def announce_steps(
    total: int,
    say: Callable[[str], None],
    resources: Mapping[str, Resources] | None = None,
    begun: Callable[[int], None] = lambda execution: None,
    report: Callable[[Event], None] | None = None,
    schedule: Schedule | None = None,
) -> Iterator[Steps]:
    """Reports every step that TFX launches inside the block.

    Private TFX names: `Launcher._run_executor`, `Launcher._pipeline_node` and
    `Launcher._mlmd_connection`, seen on TFX 1.15.1, 1.16.0 and 1.21.0. `_run_executor` is
    not called for a cached step.

    Args:
        total: how many steps the pipeline has.
        say: takes one line for the user, where there is no `report`.
        resources: by the ids of steps. A step gets its variables and devices, and is
            launched again as often as its retries say; each time is an execution of its
            own to ML Metadata.
        begun: is given the number of each execution before its executor runs.
        report: takes every event.
        schedule: is given every step, which runs when the schedule does; by default a step
            runs when the runner launches it.
    """

    def say_of(event: Event) -> None:
        line = line_of(event)
        if line is not None:
            say(line)

    tell = report or say_of
    original = launcher.Launcher
    steps = Steps()

    def resources_of(step: str) -> Resources:
        return (resources or {}).get(step, Resources())

    def operators_for(operators: Mapping[Any, Any]) -> dict[Any, Any]:
        if schedule is None:
            return late_operators(operators)
        from tfx_estimators.pipelines.side_by_side.operators import process_operators

        return process_operators(operators, schedule.processes, resources_of, counts_of)

    class AnnouncingLauncher(original):  # type: ignore[misc, valid-type]
        executed = False

        def __init__(
            self,
            *args: Any,
            custom_executor_operators: Mapping[Any, Any] | None = None,
            **kwargs: Any,
        ) -> None:
            operators = {**launcher.DEFAULT_EXECUTOR_OPERATORS, **(custom_executor_operators or {})}
            super().__init__(*args, custom_executor_operators=operators_for(operators), **kwargs)

        def launch(self) -> Any:
            steps.started += 1
            self._number = steps.started
            self._step = self._pipeline_node.node_info.id
            if schedule is None:
                return self._launch_now()
            return schedule.add(self._step, self._pipeline_node.upstream_nodes, self._launch_now)

        def _launch_now(self) -> Any:
            step, number, begin = self._step, self._number, time.monotonic()
            steps.current = step

            def ended(outcome: Outcome) -> None:
                tell(StepEnded(step, number, total, outcome, time.monotonic() - begin))

            tell(StepBegan(step, number, total))
            try:
                with counting(step):
                    result = self._launch_with(resources_of(step))
            except BaseException:
                ended("failed")
                raise
            resolved = self._pipeline_node.node_info.type.name.endswith("Resolver")
            if result is None or not result.execution_id:
                ended("skipped")
            else:
                ended("done" if self.executed or resolved else "cached")
            return result

        def _launch_with(self, wanted: Resources) -> Any:
            left = wanted.retries.count if wanted.retries else 0
            for attempt in range(1, left + 1):
                try:
                    return self._launch_in(wanted)
                except Exception as error:
                    assert wanted.retries is not None
                    wait = wanted.retries.wait(attempt)
                    first = describe(error).partition("\n")[0]
                    title = f"[{self._number}/{total}] {self._step}"
                    tell(Message(f"{title}: {first}; retrying in {wait:g} s"))
                    time.sleep(wait)
            return self._launch_in(wanted)

        def _launch_in(self, wanted: Resources) -> Any:
            # A step's own process has its variables, and this one runs several steps.
            around = step_environment(wanted) if schedule is None else schedule.store
            with around:
                result = super().launch()
                # Where it cannot resolve a node's inputs, TFX records a failure and goes on.
                if result is not None and result.execution_id:
                    with self._mlmd_connection as metadata:
                        (execution,) = metadata.store.get_executions_by_id([result.execution_id])
                    if execution.last_known_state == execution.FAILED:
                        raise _not_run(self._step, execution)
            return result

        def _run_executor(self, execution_info: Any, *args: Any, **kwargs: Any) -> Any:
            self.executed = True
            tell(StepRuns(self._step))
            begun(execution_info.execution_id)
            steps.failures.pop(self._step, None)
            try:
                with no_exit(self._step) if schedule is None else schedule.released():
                    return super()._run_executor(execution_info, *args, **kwargs)
            except Exception as error:
                steps.failures[self._step] = error
                raise

    launcher.Launcher = AnnouncingLauncher
    try:
        yield steps
    finally:
        launcher.Launcher = original


def _not_run(step: str, execution: Any) -> PipelineError:
    """The error for a step whose inputs TFX could not resolve."""
    recorded = execution.custom_properties["__execution_result__"].string_value
    said = json.loads(recorded or "{}").get("resultMessage", "").strip() or "TFX gives no reason"
    return PipelineError(
        f"{step} was not run: {said.splitlines()[-1]}",
        expected="inputs for one execution",
        fix="correct what its inputs come from; TFX's local runners take no ForEach over more "
        "than one artifact, so run the pipeline once for each, or give the step all of them",
    )
