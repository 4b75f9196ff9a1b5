"""The model that was blessed last, looked up by an ordinary step.

Open-source Kubeflow Pipelines refuses TFX's Resolver: it asks ML Metadata while the
pipeline runs. This step reads the records instead that every step leaves, see
`kubeflow.entrypoint.sidecar`.
"""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_component
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_estimators.components.executor_specs import LazyExecutorSpec

__all__ = ["BlessedModelLookup"]


class _Spec(ComponentSpec):
    PARAMETERS = {"pipeline_name": ExecutionParameter(type=str)}  # noqa: RUF012
    INPUTS = {  # noqa: RUF012
        "candidate": ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012


class BlessedModelLookup(base_component.BaseComponent):
    """Copies the newest blessed model into its output, or says that there is none.

    Compiling puts it where a pipeline has a Resolver for the latest blessed model, under
    the Resolver's id. Where no model was blessed yet, its output has the custom property
    `tfx_estimators_absent`, and steps that would read it get nothing on that input.

    Args:
        pipeline_name: whose models.
        candidate: the model that is to be compared, which is not its own baseline.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = LazyExecutorSpec(
        "tfx_estimators.kubeflow.blessed_model_executor.BlessedModelExecutor"
    )

    def __init__(self, *, pipeline_name: str, candidate: BaseChannel | None = None) -> None:
        optional: dict[str, Any] = {} if candidate is None else {"candidate": candidate}
        super().__init__(
            spec=_Spec(
                pipeline_name=pipeline_name,
                model=Channel(type=standard_artifacts.Model),
                **optional,
            )
        )
