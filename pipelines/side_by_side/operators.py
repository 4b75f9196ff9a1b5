"""TFX's executor operators, with executors in processes of their own."""

from __future__ import annotations

import itertools
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tfx_estimators.components.progress import Counted
from tfx_estimators.components.resources import Resources
from tfx_estimators.pipelines.side_by_side.step_process import StepTask
from tfx_estimators.pipelines.side_by_side.step_processes import StepProcesses

__all__ = ["process_operators"]

# What `warnings.filterwarnings("ignore")` puts before all other filters.
_SHOWS_NONE = ("ignore", None, Warning, None, 0)


def process_operators(
    operators: Mapping[Any, Any],
    processes: StepProcesses,
    resources: Callable[[str], Resources],
    counted: Callable[[str], Callable[[Counted], None] | None],
) -> dict[Any, Any]:
    """For each class of operators, by what specs it takes, one that uses a process.

    Operators that start a container stay as they are.

    Args:
        operators: TFX's classes by their specs.
        processes: starts the processes.
        resources: those of a step, by its id.
        counted: what to tell of how far a step is, by its id; None where nobody shows it.
    """
    from tfx.proto.orchestration import executable_spec_pb2 as specs

    def of_class(operator: Any) -> Callable[..., _ProcessOperator]:
        def make(executor_spec: Any, platform_config: Any = None) -> _ProcessOperator:
            return _ProcessOperator(
                operator, executor_spec, platform_config, processes, resources, counted
            )

        return make

    python = (specs.PythonClassExecutableSpec, specs.BeamExecutableSpec)
    return {
        spec: of_class(operator) if spec in python else operator
        for spec, operator in operators.items()
    }


class _ProcessOperator:
    """Stands for one of TFX's operators; see `process_operators`."""

    def __init__(
        self,
        operator: Any,
        spec: Any,
        platform: Any,
        processes: StepProcesses,
        resources: Callable[[str], Resources],
        counted: Callable[[str], Callable[[Counted], None] | None],
    ) -> None:
        self._operator, self._spec, self._platform = operator, spec, platform
        self._processes, self._resources, self._counted = processes, resources, counted

    def with_execution_watcher(self, address: str) -> _ProcessOperator:
        """Executors on this machine use none."""
        return self

    def run_executor(self, execution_info: Any) -> Any:
        """Runs the executor in a process, and waits for it."""
        from tfx.proto.orchestration import execution_result_pb2

        step = execution_info.pipeline_node.node_info.id
        counted = self._counted(step)
        task = StepTask(
            step,
            self._operator,
            self._spec,
            self._platform,
            execution_info.to_proto().SerializeToString(),
            frozenset(_modules_of(execution_info.input_dict, execution_info.output_dict)),
            dict(os.environ),
            self._resources(step),
            logging.getLogger().level,
            is_silent=_SHOWS_NONE in warnings.filters[:1],
            shows_counts=counted is not None,
        )
        output = self._processes.run(task, counted or (lambda count: None))
        return execution_result_pb2.ExecutorOutput.FromString(output)


def _modules_of(*artifacts: Mapping[str, Iterable[Any]]) -> Iterator[str]:
    for by_key in artifacts:
        for artifact in itertools.chain(*by_key.values()):
            yield type(artifact).__module__
