"""TFX's StatisticsGen, SchemaGen and ExampleValidator, defined without their executors.

TFX's own modules of these components import the executors, and with them TensorFlow Data
Validation and TensorFlow, which a definition and a cached run need for nothing. Specs,
executors, outputs and the names of their types in ML Metadata are TFX's.
"""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_beam_component, base_component
from tfx.types import standard_artifacts, standard_component_specs
from tfx.types.channel import BaseChannel, Channel

from tfx_estimators.components.executor_specs import LazyBeamExecutorSpec, LazyExecutorSpec

__all__ = ["ExampleValidator", "SchemaGen", "StatisticsGen"]

_NO_SPLITS = "[]"  # Of those to leave out, as JSON.


class StatisticsGen(base_beam_component.BaseBeamComponent):
    """TFX's StatisticsGen over all splits.

    Args:
        examples: Examples, the raw ones.
    """

    SPEC_CLASS: Any = standard_component_specs.StatisticsGenSpec
    EXECUTOR_SPEC = LazyBeamExecutorSpec("tfx.components.statistics_gen.executor.Executor")

    def __init__(self, examples: BaseChannel) -> None:
        super().__init__(
            spec=self.SPEC_CLASS(
                examples=examples,
                exclude_splits=_NO_SPLITS,
                statistics=Channel(type=standard_artifacts.ExampleStatistics),
            )
        )

    @classmethod
    def get_class_type(cls) -> str:
        """The name of TFX's own component, whose steps these are to ML Metadata."""
        return "tfx.components.statistics_gen.component.StatisticsGen"


class SchemaGen(base_component.BaseComponent):
    """TFX's SchemaGen over all splits.

    Args:
        statistics: ExampleStatistics.
        infer_feature_shape: whether the schema states each feature's shape.
    """

    SPEC_CLASS: Any = standard_component_specs.SchemaGenSpec
    EXECUTOR_SPEC = LazyExecutorSpec("tfx.components.schema_gen.executor.Executor")

    def __init__(self, statistics: BaseChannel, *, infer_feature_shape: bool) -> None:
        super().__init__(
            spec=self.SPEC_CLASS(
                statistics=statistics,
                infer_feature_shape=int(infer_feature_shape),
                exclude_splits=_NO_SPLITS,
                schema=Channel(type=standard_artifacts.Schema),
            )
        )

    @classmethod
    def get_class_type(cls) -> str:
        """The name of TFX's own component, whose steps these are to ML Metadata."""
        return "tfx.components.schema_gen.component.SchemaGen"


class ExampleValidator(base_component.BaseComponent):
    """TFX's ExampleValidator over all splits.

    Args:
        statistics: ExampleStatistics.
        schema: the Schema that they should satisfy.
    """

    SPEC_CLASS: Any = standard_component_specs.ExampleValidatorSpec
    EXECUTOR_SPEC = LazyExecutorSpec("tfx.components.example_validator.executor.Executor")

    def __init__(self, statistics: BaseChannel, schema: BaseChannel) -> None:
        super().__init__(
            spec=self.SPEC_CLASS(
                statistics=statistics,
                schema=schema,
                exclude_splits=_NO_SPLITS,
                anomalies=Channel(type=standard_artifacts.ExampleAnomalies),
            )
        )

    @classmethod
    def get_class_type(cls) -> str:
        """The name of TFX's own component, whose steps these are to ML Metadata."""
        return "tfx.components.example_validator.component.ExampleValidator"
