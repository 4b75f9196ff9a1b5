"""What `EstimatorPusher` reads, writes and takes."""

from __future__ import annotations

from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

__all__ = ["EstimatorPusherSpec"]


class EstimatorPusherSpec(ComponentSpec):
    """As TFX's PusherSpec, with examples to try the model on; `model_server` is JSON."""

    PARAMETERS = {  # noqa: RUF012
        "push_destination": ExecutionParameter(type=pusher_pb2.PushDestination),
        "keep_versions": ExecutionParameter(type=int, optional=True),
        "model_server": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {  # noqa: RUF012
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
        "examples": ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
    }
