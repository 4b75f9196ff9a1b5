"""What `EstimatorTuner` reads, writes and takes."""

from __future__ import annotations

from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_estimators.components.artifacts import FeatureColumns

__all__ = ["EstimatorTunerSpec"]


class EstimatorTunerSpec(ComponentSpec):
    """Named as in TFX's Tuner; `*_args`, `custom_config` and `search` are JSON."""

    PARAMETERS = {  # noqa: RUF012
        "module_file": ExecutionParameter(type=str, optional=True),
        "module_path": ExecutionParameter(type=str, optional=True),
        "module_digest": ExecutionParameter(type=str),
        "search": ExecutionParameter(type=str),
        "objective": ExecutionParameter(type=str),
        "direction": ExecutionParameter(type=str),
        "label_key": ExecutionParameter(type=str, optional=True),
        "train_args": ExecutionParameter(type=str),
        "eval_args": ExecutionParameter(type=str),
        "tune_args": ExecutionParameter(type=str),
        "custom_config": ExecutionParameter(type=str),
        "checkpoint_store": ExecutionParameter(type=str, optional=True),
        "distribution": ExecutionParameter(type=str, optional=True),
        "fresh": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "feature_columns": ChannelParameter(type=FeatureColumns),
        "base_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "best_hyperparameters": ChannelParameter(type=standard_artifacts.HyperParameters),
        "tuner_results": ChannelParameter(type=standard_artifacts.TunerResults),
    }
