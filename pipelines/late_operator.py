"""Executor operators that import an executor when it is run, not for a cached step."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from tfx.proto.orchestration import executable_spec_pb2

from tfx_estimators.components.beam_overhead import lower_beam_overhead

__all__ = ["late_operators"]


def late_operators(operators: Mapping[Any, Any]) -> dict[Any, Any]:
    """For each class of operators, by what specs it takes, one that is made when it is used."""
    return {
        spec: functools.partial(_LateOperator, operator, spec)
        for spec, operator in operators.items()
    }


class _LateOperator:
    """Stands for an operator of TFX until the step needs its executor.

    Args:
        operator: the class of the operator.
        spec: the class of the specs that it takes.
        given: what it is made with.
    """

    def __init__(self, operator: Any, spec: Any, *given: Any, **named: Any) -> None:
        self._make = functools.partial(operator, *given, **named)
        self._runs_beam = spec is executable_spec_pb2.BeamExecutableSpec
        self._watcher: str | None = None

    def with_execution_watcher(self, address: str) -> _LateOperator:
        """Keeps the address for the operator."""
        self._watcher = address
        return self

    def run_executor(self, *args: Any, **kwargs: Any) -> Any:
        """Makes the operator, and runs its executor."""
        operator = self._make()
        if self._watcher is not None:
            operator.with_execution_watcher(self._watcher)
        if self._runs_beam:
            lower_beam_overhead()
        return operator.run_executor(*args, **kwargs)
