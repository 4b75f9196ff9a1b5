"""What `EstimatorTrainer` reads, writes and takes."""

from __future__ import annotations

from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_estimators.components.artifacts import FeatureColumns

__all__ = ["EstimatorTrainerSpec"]


class EstimatorTrainerSpec(ComponentSpec):
    """Named as in TFX's Trainer; `train_args`, `eval_args`, `custom_config` are JSON."""

    PARAMETERS = {  # noqa: RUF012
        "module_file": ExecutionParameter(type=str, optional=True),
        "module_path": ExecutionParameter(type=str, optional=True),
        "module_digest": ExecutionParameter(type=str),
        "label_key": ExecutionParameter(type=str, optional=True),
        "train_args": ExecutionParameter(type=str),
        "eval_args": ExecutionParameter(type=str),
        "custom_config": ExecutionParameter(type=str),
        "checkpoint_store": ExecutionParameter(type=str, optional=True),
        "retention": ExecutionParameter(type=str, optional=True),
        "distribution": ExecutionParameter(type=str, optional=True),
        "fresh": ExecutionParameter(type=str, optional=True),
        "extend": ExecutionParameter(type=int, optional=True),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph, optional=True),
        "feature_columns": ChannelParameter(type=FeatureColumns, optional=True),
        "schema": ChannelParameter(type=standard_artifacts.Schema, optional=True),
        "base_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "hyperparameters": ChannelParameter(type=standard_artifacts.HyperParameters, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
    }
