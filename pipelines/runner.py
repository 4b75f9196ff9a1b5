"""Runs a pipeline in this process, by one of TFX's own runners."""

from __future__ import annotations

import pathlib
import sys
import uuid
from typing import Any

from tfx_estimators.errors import PipelineError, TfxEstimatorsError

__all__ = ["run", "train_afresh"]


def run(pipeline: Any, tfx_runner: Any = None) -> None:
    """Runs the pipeline to its end, reporting each step on standard error.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`.
        tfx_runner: what runs the steps; TFX's LocalDagRunner by default.

    Raises:
        TfxEstimatorsError: as the failing component raised it.
        PipelineError: when a step failed with anything else, the cause chained.
    """
    from tfx_estimators.pipelines.step_resources import resources_by_step
    from tfx_estimators.pipelines.steps import announce_steps

    _make_metadata_folder(pipeline)
    _spare_packaging(pipeline)
    resources = resources_by_step(pipeline)
    with announce_steps(len(pipeline.components), _say, resources) as steps:
        try:
            (tfx_runner or _local_runner()).run(pipeline)
        except TfxEstimatorsError:
            raise
        except Exception as error:
            raise PipelineError(
                f"{steps.current} failed: {type(error).__name__}: {error}",
                fix="correct the cause and run again; finished steps are taken from the cache",
            ) from error
        finally:
            # Also of a run that failed: its checkpoints are there.
            _record(pipeline)


def train_afresh(pipeline: Any) -> None:
    """Has every trainer of a pipeline begin anew, neither cached nor resumed.

    The run that does it may itself be interrupted: repeated with this, it begins anew.
    """
    from tfx_estimators.components import EstimatorTrainer

    for component in pipeline.components:
        if isinstance(component, EstimatorTrainer):
            component.exec_properties["fresh"] = uuid.uuid4().hex


def _record(pipeline: Any) -> None:
    from tfx_estimators.pipelines.recording import record_run

    try:
        record_run(pipeline)
    except (TfxEstimatorsError, OSError) as error:
        # What the run came to counts more; the records stay where they are.
        _say(f"warning: ML Metadata does not know of the checkpoints yet: {error}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _local_runner() -> Any:
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    return LocalDagRunner()


def _spare_packaging(pipeline: Any) -> None:
    from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

    from tfx_estimators.components.beam_flags import spare_packaging

    for component in pipeline.components:
        if isinstance(component.executor_spec, BeamExecutorSpec):
            spec = component.executor_spec
            spec.beam_pipeline_args = spare_packaging(spec.beam_pipeline_args)


def _make_metadata_folder(pipeline: Any) -> None:
    # MLMD creates the SQLite file, but not the folder it lies in.
    config = pipeline.metadata_connection_config
    if config is not None and config.WhichOneof("config") == "sqlite":
        pathlib.Path(config.sqlite.filename_uri).parent.mkdir(parents=True, exist_ok=True)
