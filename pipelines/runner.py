"""Runs a pipeline in this process, by one of TFX's own runners."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from tfx_estimators.components.definition_modules import import_definition_modules
from tfx_estimators.errors import PipelineError, TfxEstimatorsError, UnsupportedOptionError
from tfx_estimators.pipelines.beam_objects import release_shared_object
from tfx_estimators.pipelines.beam_workers import end_workers
from tfx_estimators.pipelines.display.audience import report
from tfx_estimators.pipelines.display.run_events import Event, Message
from tfx_estimators.pipelines.step_failures import explained

if TYPE_CHECKING:
    from tfx_estimators.pipelines.chosen_steps import ChosenSteps

__all__ = ["extend_trainings", "prepare", "run", "train_afresh"]


def run(
    pipeline: Any,
    tfx_runner: Any = None,
    chosen: ChosenSteps | None = None,
    *,
    parallel: int = 1,
) -> None:
    """Runs the pipeline to its end, reporting each step on standard error.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`.
        tfx_runner: what runs the steps; TFX's LocalDagRunner by default.
        chosen: the part to run, always by LocalDagRunner; all steps by default.
        parallel: how many steps LocalDagRunner may run at the same time. With more than one,
            each executor runs in a process of its own.

    Raises:
        TfxEstimatorsError: as the failing component raised it.
        PipelineError: when a step failed with anything else, the cause chained and the
            last line of the user's files named; before anything runs, if a node is a
            pipeline itself.
        MetadataStoreError: when ML Metadata cannot be read or written.
    """
    import_definition_modules()
    from tfx_estimators.pipelines.early_trial import EarlyTrial
    from tfx_estimators.pipelines.recording import Telling
    from tfx_estimators.pipelines.step_resources import resources_by_step
    from tfx_estimators.pipelines.steps import announce_steps

    prepare(pipeline)
    resources = resources_by_step(pipeline)
    told = Telling(pipeline, _say)
    total = len(pipeline.components)
    if chosen is not None:
        total = len(chosen.steps)
        if chosen.taken:
            _say(
                f"from the run {chosen.source}, whatever has changed since: "
                + ", ".join(chosen.taken)
            )
    schedule = None
    to_run = None if chosen is None else chosen.steps
    if parallel > 1:
        from tfx_estimators.pipelines.side_by_side.schedule import Schedule

        schedule = Schedule(parallel)
        to_run = ()  # A pusher in a process of its own starts its trial there.
    trial = EarlyTrial(pipeline, to_run)

    def hear(event: Event) -> None:
        trial.hear(event)
        report(event)

    announced = announce_steps(total, _say, resources, told.begun, hear, schedule)
    with told, trial, announced as steps:
        try:
            if chosen is None:
                (tfx_runner or _local_runner()).run(pipeline)
            else:
                chosen.run(pipeline)
            if schedule is not None:
                schedule.run()
        except KeyboardInterrupt:
            end_workers()
            raise
        except (Exception, SystemExit) as error:
            if schedule is not None and schedule.failed is not None:
                steps.current = schedule.failed
            cause = steps.failures.get(steps.current, error)
            shown = _explained(error, cause, steps.current)
            if shown is error:
                raise
            raise shown from (error if cause is shown else cause)
        finally:
            release_shared_object()


def prepare(pipeline: Any) -> None:
    """Makes a pipeline and this process ready for TFX's local runners.

    Raises:
        PipelineError: if a node is a pipeline itself.
    """
    from tfx_estimators.components.cache_key import complete_cache_keys
    from tfx_estimators.estimator.activation import activate_with_tensorflow

    _refuse_pipelines_within(pipeline)
    # Stock components know nothing of estimators, and their modules may use them.
    activate_with_tensorflow()
    complete_cache_keys()
    _add_beam_flags(pipeline)


def _refuse_pipelines_within(pipeline: Any) -> None:
    within = [node.id for node in pipeline.components if hasattr(node, "pipeline_info")]
    if within:
        raise PipelineError(
            f"the nodes {', '.join(within)} are pipelines themselves",
            expected="components: TFX's local runners run no pipelines within a pipeline",
            fix="add the inner pipeline's components to the outer one, or run them in turn",
        )


def _explained(error: BaseException, cause: BaseException, step: str) -> TfxEstimatorsError:
    """What a step failed with comes first, whatever could not be told of it afterwards."""
    from ml_metadata.errors import StatusError

    from tfx_estimators.lineage.store import explain

    if cause is not error and isinstance(error, StatusError):
        _say(f"warning: {explain('ML Metadata', error)}")
    return explained(step, cause)


def train_afresh(pipeline: Any, steps: Collection[str] | None = None) -> None:
    """Has every trainer of a pipeline begin anew, neither cached nor resumed.

    The run that does it may itself be interrupted: repeated with this, it begins anew.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`.
        steps: ids of the steps that will run; None for all.

    Raises:
        UnsupportedOptionError: if there are `steps`, and no EstimatorTrainer among them.
    """
    for trainer in _trainers(pipeline, steps, "--fresh", needed=steps is not None):
        trainer.exec_properties["fresh"] = uuid.uuid4().hex


def extend_trainings(pipeline: Any, steps: Collection[str] | None = None) -> None:
    """Has every trainer of a pipeline go on from its finished training of fewer steps.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`.
        steps: ids of the steps that will run; None for all.

    Raises:
        UnsupportedOptionError: if there is no EstimatorTrainer among the steps.
    """
    for trainer in _trainers(pipeline, steps, "--extend", needed=True):
        trainer.exec_properties["extend"] = 1


def _trainers(
    pipeline: Any, steps: Collection[str] | None, flag: str, *, needed: bool
) -> list[Any]:
    from tfx_estimators.components import EstimatorTrainer

    nodes = [node for node in pipeline.components if steps is None or node.id in steps]
    trainers = [node for node in nodes if isinstance(node, EstimatorTrainer)]
    if needed and not trainers:
        ids = ", ".join(node.id for node in nodes)
        raise UnsupportedOptionError(
            f"{flag}: no EstimatorTrainer is among the steps to run, {ids}",
            expected="a step that is one; with --from and --to, steps around it",
            fix=f"leave {flag} out, or choose other steps",
        )
    return trainers


def _say(line: str) -> None:
    report(Message(line))


def _local_runner() -> Any:
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    return LocalDagRunner()


def _add_beam_flags(pipeline: Any) -> None:
    from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

    from tfx_estimators.components.beam_flags import spare_packaging, with_plugin
    from tfx_estimators.components.beam_processes import watch_workers

    for component in pipeline.components:
        if isinstance(component.executor_spec, BeamExecutorSpec):
            spec = component.executor_spec
            spec.beam_pipeline_args = with_plugin(spare_packaging(spec.beam_pipeline_args))
            watch_workers(spec.beam_pipeline_args)
