"""TFX's BeamDagRunner."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from tfx_estimators.pipelines.runners.interface import RunnerOption

__all__ = ["RUNNER"]


@dataclasses.dataclass(frozen=True)
class _Beam:
    name: str = "beam"
    summary: str = "TFX's BeamDagRunner, which runs the pipeline as a Beam job in this process"
    options: tuple[RunnerOption, ...] = ()

    def check(self, **options: Any) -> None:
        """It takes no options."""

    def run(self, definition: Any, root: pathlib.Path, **options: Any) -> None:
        """Runs the steps in this process."""
        from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner

        from tfx_estimators.pipelines.runner import run

        run(definition, BeamDagRunner())


RUNNER = _Beam()
