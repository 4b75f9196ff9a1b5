"""`KServePusher`: serves on KServe what an EstimatorPusher has pushed."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_component
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_estimators.components.executor_specs import LazyExecutorSpec
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.kubeflow.serving.service import InferenceService

__all__ = ["KServePusher"]


class _Spec(ComponentSpec):
    PARAMETERS = {"service": ExecutionParameter(type=str)}  # noqa: RUF012
    INPUTS = {  # noqa: RUF012
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
    }
    OUTPUTS = {  # noqa: RUF012
        "served_model": ChannelParameter(type=standard_artifacts.PushedModel),
    }


class KServePusher(base_component.BaseComponent):
    """Makes or changes an InferenceService so that it serves the version that was pushed.

        pusher = EstimatorPusher(model=..., push_destination="/volume/serving/taxi")
        KServePusher(
            pushed_model=pusher.outputs["pushed_model"],
            service=InferenceService(
                "taxi", claim=Claim("checkpoints", "/volume"), canary_percent=10
            ),
        )

    The first version gets all requests; a later one `canary_percent` of them, until
    `tfx-estimators kserve promote` or `rollback`. The step ends once the version serves. If
    it does not come to, what was there before is put back and the step fails with what
    KServe says. Done again, it changes nothing: neither the share that a version has by now,
    nor a rollback.

    The output `served_model` has the properties `service` (NAMESPACE/NAME), `storage_uri`,
    `traffic_percent` and `served`, 0 where nothing was pushed.

    Args:
        pushed_model: the output of an EstimatorPusher.
        service: what to serve it with.

    Raises:
        UnsupportedOptionError: if the service is none.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = LazyExecutorSpec("tfx_estimators.kubeflow.serving.executor.KServeExecutor")

    def __init__(self, *, pushed_model: BaseChannel, service: InferenceService) -> None:
        made: Any = service
        if not isinstance(made, InferenceService):
            raise UnsupportedOptionError(
                f"KServePusher: service is {made!r}",
                expected="an InferenceService",
                fix="InferenceService('taxi', claim=Claim('checkpoints', '/volume'))",
            )
        super().__init__(
            spec=_Spec(
                pushed_model=pushed_model,
                service=service.to_json(),
                served_model=Channel(type=standard_artifacts.PushedModel),
            )
        )
