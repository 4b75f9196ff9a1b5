"""What `EstimatorPredictor` reads, writes and takes."""

from __future__ import annotations

from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

__all__ = ["EstimatorPredictorSpec"]


class EstimatorPredictorSpec(ComponentSpec):
    """`example_splits` and `output_features` are JSON, of a list and an object."""

    PARAMETERS = {  # noqa: RUF012
        "example_splits": ExecutionParameter(type=str, optional=True),
        "signature_name": ExecutionParameter(type=str),
        "output_features": ExecutionParameter(type=str, optional=True),
        "output_format": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "inference_result": ChannelParameter(
            type=standard_artifacts.InferenceResult, optional=True
        ),
        "output_examples": ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
