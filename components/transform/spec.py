"""What `FeatureColumnTransform` reads, writes and takes."""

from __future__ import annotations

from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_estimators.components.artifacts import FeatureColumns

__all__ = ["FeatureColumnTransformSpec"]


class FeatureColumnTransformSpec(ComponentSpec):
    """`analyze_splits` and `custom_config` are JSON."""

    PARAMETERS = {  # noqa: RUF012
        "label_key": ExecutionParameter(type=str, optional=True),
        "analyze_splits": ExecutionParameter(type=str),
        "custom_config": ExecutionParameter(type=str),
        "module_file": ExecutionParameter(type=str, optional=True),
        "module_path": ExecutionParameter(type=str, optional=True),
        "module_digest": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS = {  # noqa: RUF012
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "transformed_examples": ChannelParameter(type=standard_artifacts.Examples),
        "feature_columns": ChannelParameter(type=FeatureColumns),
    }
