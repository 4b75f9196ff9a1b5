"""What a run would do, step by step: nothing is run, and nothing is written.

TFX's own launcher prepares each step, over a copy of ML Metadata that is removed afterwards:
it resolves the step's inputs and looks into the cache as it does in a run. It is stopped
where it would call an executor.

Private TFX names: `BaseComponent._resolve_pip_dependencies`, and of `Launcher`
`_mlmd_connection`, `_output_resolver`, `_pipeline_node`, `_prepare_execution` and
`_system_node_handler`, seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from tfx.orchestration.portable import launcher, outputs_utils

from tfx_estimators.components.user_code import describe
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.lineage.database.sqlite_file import copy_store
from tfx_estimators.pipelines.runner import prepare

if TYPE_CHECKING:
    from tfx_estimators.pipelines.chosen_steps import ChosenSteps

__all__ = ["Outcome", "PlannedStep", "plan_run"]

Outcome = Literal["cached", "will run", "may run", "looks up", "skipped", "fails"]
"""What becomes of a step. "looks up" is a resolver, which runs every time and costs nothing;
"may run" is a step of which only the run itself can tell."""

_NOT_YET = ("will run", "may run")


@dataclasses.dataclass(frozen=True)
class PlannedStep:
    """What would become of a step.

    Attributes:
        step: the node's id.
        outcome: see `Outcome`.
        reason: why, in a phrase.
    """

    step: str
    outcome: Outcome
    reason: str


def plan_run(pipeline: Any, chosen: ChosenSteps | None = None) -> list[PlannedStep]:
    """Says what a run by TFX's LocalDagRunner would do.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`. It cannot be run afterwards.
        chosen: the part to run; all steps by default.

    Returns:
        the steps of the run, in its order.

    Raises:
        UnsupportedOptionError: if ML Metadata is not kept in an SQLite file.
        MetadataStoreError: if it cannot be read.
        PipelineError: if a node is a pipeline itself.
    """
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    prepare(pipeline)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        pipeline.metadata_connection_config = _copied(pipeline.metadata_connection_config, folder)
        _package_modules(pipeline, folder)
        with _planning(folder) as planned:
            if chosen is None:
                LocalDagRunner().run(pipeline)
            else:
                chosen.run(pipeline)
    return planned


def _copied(config: Any, folder: pathlib.Path) -> Any:
    """Connection settings of a copy of the store; of an empty one where there is none yet."""
    from tfx.orchestration import metadata

    if not (hasattr(config, "sqlite") and config.sqlite.filename_uri):
        raise UnsupportedOptionError(
            "--dry-run: the pipeline does not keep ML Metadata in an SQLite file",
            expected="a file to copy: what TFX asks of the store it also writes there",
            fix="leave --dry-run out",
        )
    copy = folder / "metadata" / "metadata.sqlite"
    copy.parent.mkdir()
    copy_store(pathlib.Path(config.sqlite.filename_uri), copy)
    return metadata.sqlite_metadata_connection_config(str(copy))


def _package_modules(pipeline: Any, folder: pathlib.Path) -> None:
    """Packages the modules of TFX's own components elsewhere, and has them named as in a run.

    What has been packaged once is not packaged again.
    """
    root = str(pipeline.pipeline_info.pipeline_root)
    elsewhere = str(folder / "artifacts")
    for node in pipeline.components:
        if not hasattr(node, "_resolve_pip_dependencies"):
            continue
        node._resolve_pip_dependencies(elsewhere)
        for name, value in node.exec_properties.items():
            if isinstance(value, str) and f"@{elsewhere}/" in value:
                node.exec_properties[name] = value.replace(f"@{elsewhere}/", f"@{root}/")


@contextlib.contextmanager
def _planning(folder: pathlib.Path) -> Iterator[list[PlannedStep]]:
    """Has every step that TFX launches inside the block planned, not run.

    Args:
        folder: for the folders that TFX makes for a step before it runs.
    """
    original = launcher.Launcher
    planned: list[PlannedStep] = []
    open_steps = _OpenSteps()

    class PlanningLauncher(original):  # type: ignore[misc, valid-type]
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            spec = settings["pipeline_runtime_spec"]
            elsewhere = type(spec)()
            elsewhere.CopyFrom(spec)
            elsewhere.pipeline_root.field_value.string_value = str(folder / "artifacts")
            self._output_resolver = outputs_utils.OutputsResolver(
                pipeline_node=settings["pipeline_node"],
                pipeline_info=settings["pipeline_info"],
                pipeline_runtime_spec=elsewhere,
            )

        def launch(self) -> None:
            node = self._pipeline_node
            step = open_steps.planned(node, looks_up=self._system_node_handler is not None)
            if step is None:
                try:
                    step = self._prepared()
                except Exception as error:
                    # Of the data, say, which an earlier step would write.
                    first = describe(error).partition("\n")[0]
                    step = PlannedStep(node.node_info.id, "may run", f"it cannot be told: {first}")
            if step.outcome in _NOT_YET:
                open_steps.add(node, step)
            planned.append(step)

        def _prepared(self) -> PlannedStep:
            node = self._pipeline_node
            name = node.node_info.id
            if self._system_node_handler is not None:
                super().launch()
                return PlannedStep(name, "looks up", "every time")
            prepared = self._prepare_execution()
            if prepared.is_execution_needed:
                return PlannedStep(name, "will run", self._why_it_runs())
            number = prepared.execution_info.execution_id
            if not number:
                return PlannedStep(name, "skipped", "as a condition or a lack of inputs says")
            with self._mlmd_connection as metadata:
                (execution,) = metadata.store.get_executions_by_id([number])
            if execution.last_known_state == execution.FAILED:
                return PlannedStep(name, "fails", "TFX cannot resolve its inputs")
            return PlannedStep(name, "cached", "nothing it depends on has changed")

        def _why_it_runs(self) -> str:
            if not self._pipeline_node.execution_options.caching_options.enable_cache:
                return "its cache is off"
            with self._mlmd_connection as metadata:
                executions = metadata.store.get_executions_by_type(
                    self._pipeline_node.node_info.type.name
                )
            done = any(one.last_known_state == one.COMPLETE for one in executions)
            return (
                "its inputs, parameters or code have changed" if done else "it has not run here yet"
            )

    launcher.Launcher = PlanningLauncher
    try:
        yield planned
    finally:
        launcher.Launcher = original


class _OpenSteps:
    """The steps planned so far whose outputs are not there."""

    def __init__(self) -> None:
        self._steps: dict[str, PlannedStep] = {}
        self._makes: set[str] = set()

    def add(self, node: Any, step: PlannedStep) -> None:
        """Notes a step that will run or may run."""
        self._steps[step.step] = step
        self._makes |= {one.artifact_spec.type.name for one in node.outputs.outputs.values()}

    def planned(self, node: Any, *, looks_up: bool) -> PlannedStep | None:
        """What becomes of a node that waits for these steps; None if it waits for none."""
        name = node.node_info.id
        channels = [one for spec in node.inputs.inputs.values() for one in spec.channels]
        waits = {one.producer_node_query.id for one in channels} & set(self._steps)
        if looks_up:
            types = {one.artifact_query.type.name for one in channels}
            if not waits and not types & self._makes:
                return None
            return PlannedStep(name, "may run", "what it finds may be made by this run")
        if not waits:
            return None
        new = [one for one in sorted(waits) if self._steps[one].outcome == "will run"]
        # A new artifact is never in the cache's key, but a condition may skip the step.
        if new and not node.inputs.conditionals:
            return PlannedStep(name, "will run", f"{', '.join(new)} will make its inputs anew")
        return PlannedStep(name, "may run", f"that depends on {', '.join(sorted(waits))}")
