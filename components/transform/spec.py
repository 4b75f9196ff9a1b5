"""What `FeatureColumnTransform` reads, writes and takes."""

from __future__ import annotations

from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_estimators.components.artifacts import FeatureColumns

__all__ = ["STATISTICS_OUTPUTS", "FeatureColumnTransformSpec"]

STATISTICS_OUTPUTS = {
    "pre_transform_schema": standard_artifacts.Schema,
    "pre_transform_stats": standard_artifacts.ExampleStatistics,
    "post_transform_schema": standard_artifacts.Schema,
    "post_transform_stats": standard_artifacts.ExampleStatistics,
    "post_transform_anomalies": standard_artifacts.ExampleAnomalies,
}
"""What `statistics=True` adds, named as stock Transform names it."""


class FeatureColumnTransformSpec(ComponentSpec):
    """`analyze_splits`, `transform_splits` and `custom_config` are JSON."""

    PARAMETERS = {  # noqa: RUF012
        "label_key": ExecutionParameter(type=str, optional=True),
        "analyze_splits": ExecutionParameter(type=str),
        "transform_splits": ExecutionParameter(type=str, optional=True),
        "custom_config": ExecutionParameter(type=str),
        "module_file": ExecutionParameter(type=str, optional=True),
        "module_path": ExecutionParameter(type=str, optional=True),
        "module_digest": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "analyzer_cache": ChannelParameter(type=standard_artifacts.TransformCache, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "transformed_examples": ChannelParameter(type=standard_artifacts.Examples),
        "feature_columns": ChannelParameter(type=FeatureColumns),
        "updated_analyzer_cache": ChannelParameter(
            type=standard_artifacts.TransformCache, optional=True
        ),
        **{
            key: ChannelParameter(type=kind, optional=True)
            for key, kind in STATISTICS_OUTPUTS.items()
        },
    }
