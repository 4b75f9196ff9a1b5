"""What the executors that run a Beam pipeline share.

Private name: `BaseBeamExecutor._make_beam_pipeline`, seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from tfx.dsl.components.base import base_beam_executor

from tfx_estimators.components.beam_flags import set_flags
from tfx_estimators.components.progress import counted_examples, show_progress

__all__ = ["BeamExecutor"]


class BeamExecutor(base_beam_executor.BaseBeamExecutor):
    """TFX's Beam executor, quick to begin where Beam runs on this machine."""

    def __init__(self, context: base_beam_executor.BaseBeamExecutor.Context | None = None) -> None:
        super().__init__(set_flags(context, plugin=True))

    @contextlib.contextmanager
    def _beam_pipeline(self, step: str) -> Iterator[Any]:
        """A pipeline that is run at the block's end, its examples shown as `step`'s progress."""
        with self._beam_pipelines(step) as pipelines, pipelines() as pipeline:
            yield pipeline

    @contextlib.contextmanager
    def _beam_pipelines(
        self, step: str
    ) -> Iterator[Callable[[], contextlib.AbstractContextManager[Any]]]:
        """What makes pipelines as `_beam_pipeline`, their examples shown as one progress."""
        counted = 0

        @contextlib.contextmanager
        def make() -> Iterator[Any]:
            nonlocal counted
            with self._make_beam_pipeline() as pipeline:
                yield pipeline
            counted += counted_examples(pipeline.result)
            progress.reach(counted)

        with show_progress(step, "examples") as progress:
            yield make
