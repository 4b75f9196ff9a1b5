"""What `EstimatorEvaluator` reads, writes and takes."""

from __future__ import annotations

from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

__all__ = ["EstimatorEvaluatorSpec"]


class EstimatorEvaluatorSpec(ComponentSpec):
    """`eval_config` and `example_splits` are JSON."""

    PARAMETERS = {  # noqa: RUF012
        "eval_config": ExecutionParameter(type=str),
        "label_key": ExecutionParameter(type=str, optional=True),
        "example_weight_key": ExecutionParameter(type=str, optional=True),
        "example_splits": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph, optional=True),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "schema": ChannelParameter(type=standard_artifacts.Schema, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }
