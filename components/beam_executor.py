"""What the executors that run a Beam pipeline share."""

from __future__ import annotations

from tfx.dsl.components.base import base_beam_executor

from tfx_estimators.components.beam_flags import spare_packaging

__all__ = ["BeamExecutor"]


class BeamExecutor(base_beam_executor.BaseBeamExecutor):
    """TFX's Beam executor, quick to begin where Beam runs on this machine."""

    def __init__(self, context: base_beam_executor.BaseBeamExecutor.Context | None = None) -> None:
        if context is not None:
            context.beam_pipeline_args = spare_packaging(context.beam_pipeline_args or ())
        super().__init__(context)
