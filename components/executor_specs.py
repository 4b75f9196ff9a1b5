"""Executor specs that name the executor class without importing it.

A pipeline definition needs the class's dotted path only; the class itself pulls
in TensorFlow, Beam and more, and is imported where the step runs.
"""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import executor_spec
from tfx.utils import import_utils

__all__ = ["LazyBeamExecutorSpec", "LazyExecutorSpec"]


class LazyExecutorSpec(executor_spec.ExecutorClassSpec):
    """`ExecutorClassSpec` over a dotted path.

    Args:
        class_path: full path of a `BaseExecutor` subclass.
    """

    def __init__(self, class_path: str) -> None:
        # The base class insists on a class object, hence no super().__init__().
        self._class_path = class_path
        self.extra_flags: list[Any] = []

    @property
    def executor_class(self) -> Any:
        """The executor class, imported now."""
        return import_utils.import_class_by_path(self._class_path)

    @property
    def class_path(self) -> str:
        """The dotted path the spec was made with."""
        return self._class_path

    def __reduce__(self) -> Any:
        return (type(self), (self._class_path,), self.__dict__)


class LazyBeamExecutorSpec(LazyExecutorSpec, executor_spec.BeamExecutorSpec):
    """`BeamExecutorSpec` over a dotted path."""

    def __init__(self, class_path: str) -> None:
        super().__init__(class_path)
        self.beam_pipeline_args: list[Any] = []
