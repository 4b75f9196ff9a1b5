"""A part of a pipeline to run: the steps from one on, up to one, or between two."""

from __future__ import annotations

import dataclasses
import difflib
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tfx_estimators.errors import PipelineError, UnsupportedOptionError

if TYPE_CHECKING:
    from tfx_estimators.lineage.runs import Run
    from tfx_estimators.lineage.store import Store

__all__ = ["ChosenSteps", "choose_steps", "steps_between"]


@dataclasses.dataclass(frozen=True)
class ChosenSteps:
    """The steps to run, and where the outputs of those before them come from.

    Attributes:
        first: id of the step to begin with; None for the pipeline's beginning.
        last: id of the step to end with; None for the pipeline's end.
        steps: ids of the steps to run, in the pipeline's order.
        taken: ids of the steps before them, which do not run.
        source: the run whose outputs stand for those of `taken`; None if nothing is taken.
    """

    first: str | None
    last: str | None
    steps: tuple[str, ...]
    taken: tuple[str, ...]
    source: str | None

    def run(self, pipeline: Any) -> None:
        """Runs the steps by TFX's LocalDagRunner.

        Args:
            pipeline: the `tfx.orchestration.pipeline.Pipeline` that they are steps of.
        """
        from tfx.orchestration.local.local_dag_runner import LocalDagRunner
        from tfx.orchestration.pipeline import RunOptions

        steps = self.steps

        class UpperPartRunner(LocalDagRunner):
            def run_with_ir(self, pipeline: Any, run_options: Any = None) -> None:
                kept = [n for n in pipeline.nodes if n.pipeline_node.node_info.id in steps]
                del pipeline.nodes[:]
                pipeline.nodes.extend(kept)
                super().run_with_ir(pipeline)

        if self.source is None:
            # Nothing is taken from an earlier run; with RunOptions TFX 1.15 wants one anyway.
            UpperPartRunner().run(pipeline)
            return
        options = RunOptions(
            from_nodes=[self.first] if self.first else None,
            to_nodes=[self.last] if self.last else None,
            base_pipeline_run_id=self.source,
        )
        LocalDagRunner().run(pipeline, run_options=options)


def steps_between(pipeline: Any, first: str | None, last: str | None) -> tuple[str, ...]:
    """The ids of the steps below `first` and above `last`, both included, in order.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`.
        first: id of a step; None for every beginning.
        last: id of a step; None for every end.

    Raises:
        UnsupportedOptionError: if there is no such step, or none between the two.
    """
    nodes = {node.id: node for node in pipeline.components}
    for option, name in (("--from", first), ("--to", last)):
        if name is not None and name not in nodes:
            near = difflib.get_close_matches(name, nodes, n=1, cutoff=0.4)
            raise UnsupportedOptionError(
                f"{option} {name}: the pipeline has no such step"
                + (f"; did you mean {near[0]!r}?" if near else ""),
                expected=f"one of {', '.join(nodes)}",
                fix="name one of them",
            )
    below = set(nodes) if first is None else _reached([nodes[first]], lambda n: n.downstream_nodes)
    above = set(nodes) if last is None else _reached([nodes[last]], lambda n: n.upstream_nodes)
    found = tuple(name for name in nodes if name in below & above)
    if not found:
        raise UnsupportedOptionError(
            f"--from {first} --to {last}: {last} uses nothing that {first} makes",
            expected="a step, and one below it",
            fix="give one of the two",
        )
    return found


def choose_steps(pipeline: Any, first: str | None, last: str | None) -> ChosenSteps:
    """The part of a pipeline to run, with the run that it continues. Nothing is written.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`.
        first: id of the step to begin with; None for the pipeline's beginning.
        last: id of the step to end with; None for the pipeline's end.

    Raises:
        UnsupportedOptionError: if there is no such step, or none between the two.
        PipelineError: if no run has finished all steps before the chosen ones, or what they
            made is gone.
        MetadataStoreError: if ML Metadata cannot be read.
    """
    steps = steps_between(pipeline, first, last)
    nodes = {node.id: node for node in pipeline.components}
    above = _reached([nodes[name] for name in steps], lambda node: node.upstream_nodes)
    taken = tuple(name for name in nodes if name in above - set(steps))
    source = None
    if taken:
        store = _existing_store(pipeline)
        run = _newest_with(store, pipeline, taken, first)
        inputs = {node.id for name in steps for node in nodes[name].upstream_nodes}
        _refuse_gone(store, run, [name for name in taken if name in inputs])
        source = run.name
    return ChosenSteps(first, last, steps, taken, source)


def _reached(begin: Iterable[Any], neighbours: Callable[[Any], Iterable[Any]]) -> set[str]:
    left, found = list(begin), set()
    while left:
        node = left.pop()
        if node.id not in found:
            found.add(node.id)
            left.extend(neighbours(node))
    return found


def _existing_store(pipeline: Any) -> Store | None:
    from tfx_estimators.lineage.store import open_store

    config = pipeline.metadata_connection_config
    file = config.sqlite.filename_uri if hasattr(config, "sqlite") else ""
    if config is None or (file and not pathlib.Path(file).exists()):
        return None
    return open_store(config)


def _newest_with(
    store: Store | None, pipeline: Any, taken: Sequence[str], first: str | None
) -> Run:
    """The newest run that finished all of the steps."""
    from tfx_estimators.lineage.runs import list_runs

    finished: set[str] = set()
    name = pipeline.pipeline_info.pipeline_name
    # Nearly always it is the newest of all, and a store may hold thousands.
    for limit in (1, None):
        for run in [] if store is None else list_runs(store, pipeline=name, limit=limit):
            done = {step.node for step in run.steps if step.state in ("complete", "cached")}
            if done.issuperset(taken):
                return run
            finished |= done
    missing = [step for step in taken if step not in finished]
    fix = "leave --from out: steps that have not changed are taken from the cache"
    nodes = {node.id: node for node in pipeline.components}
    for step in taken:
        # One run has to finish all of them.
        if _reached([nodes[step]], lambda node: node.upstream_nodes).issuperset(taken):
            fix = f"run --to {step} first; or {fix}"
    if missing:
        raise PipelineError(
            f"--from {first} needs what {', '.join(missing)} would make: never finished here",
            expected="a run that finished all steps before",
            fix=fix,
        )
    raise PipelineError(
        f"--from {first}: no single run finished all of {', '.join(taken)}",
        expected="inputs that belong to one run",
        fix=fix,
    )


def _refuse_gone(store: Any, run: Run, steps: Sequence[str]) -> None:
    from tfx_estimators.components.gfile import files_for
    from tfx_estimators.lineage.outputs import outputs_of_run

    produced = outputs_of_run(store, run)
    for name in steps:
        for artifacts in produced[name].artifacts.values():
            for artifact in artifacts:
                if artifact.uri and not files_for(artifact.uri).exists(artifact.uri):
                    raise PipelineError(
                        f"{artifact.uri}, which {name} made in the run {run.name}, is gone",
                        expected="the outputs of the steps before",
                        fix=f"run from {name} on: --from {name}",
                    )
