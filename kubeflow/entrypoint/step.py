"""Runs a step: types, driver, executor, and what the backend is told of it."""

from __future__ import annotations

import contextlib
import logging
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_estimators.components.exits import exits_raise
from tfx_estimators.components.progress_file import progress_kept_in
from tfx_estimators.environment_variables import PROGRESS
from tfx_estimators.errors import StepInputError
from tfx_estimators.json_text import finite
from tfx_estimators.kubeflow.entrypoint.data_digest import check_unchanged
from tfx_estimators.kubeflow.entrypoint.example_gen import is_file_based, prepare
from tfx_estimators.kubeflow.entrypoint.invocation import Invocation
from tfx_estimators.kubeflow.entrypoint.own_step import import_executor, write_answer
from tfx_estimators.kubeflow.entrypoint.run_record import own_execution
from tfx_estimators.kubeflow.entrypoint.runtime_artifacts import (
    input_artifacts,
    make_places,
    output_artifacts,
    runtime_artifact,
)
from tfx_estimators.kubeflow.entrypoint.sidecar import StepSidecar
from tfx_estimators.kubeflow.kubernetes_names import EXECUTION, artifact_key

__all__ = ["run_step"]

_log = logging.getLogger(__name__)


def run_step(invocation: Invocation) -> None:
    """Runs the executor and writes its output for the backend.

    Raises:
        StepInputError: if the executor or an artifact's type cannot be imported, or an
            output cannot be told to the backend.
        Exception: whatever the executor raises.
    """
    executor_class = import_executor(invocation.executor)
    inputs = input_artifacts(invocation.inputs, invocation.inputs_spec)
    outputs = output_artifacts(invocation.outputs)
    sidecar = StepSidecar(invocation, inputs, outputs)
    properties = _typed(invocation)
    sidecar.write("running")
    try:
        make_places(outputs)
        if is_file_based(executor_class, properties):
            properties = prepare(properties, outputs)
        _log.info("%s begins: %s", invocation.node, invocation.executor)
        executor = executor_class(_context(executor_class, invocation))
        with exits_raise(), _kept_progress():
            executor.Do(inputs, outputs, properties)
        check_unchanged(invocation)
        _tag_with_version(outputs)
        answer = _answer(invocation, outputs)
    except BaseException:
        sidecar.write("failed")
        raise
    write_answer(invocation, answer)
    sidecar.write("complete")
    _log.info("%s is done", invocation.node)


def _kept_progress() -> contextlib.AbstractContextManager[None]:
    """Keeps how far the step is where the one who runs the package looks for it."""
    file = os.environ.get(PROGRESS)
    return progress_kept_in(pathlib.Path(file)) if file else contextlib.nullcontext()


def _typed(invocation: Invocation) -> dict[str, Any]:
    """The execution properties as the local runner gives them to an executor."""
    properties = dict(invocation.parameters)
    if invocation.parameter_schemas:
        from google.protobuf import json_format
        from ml_metadata.proto import metadata_store_pb2 as mlmd
        from tfx.orchestration.data_types_utils import get_parsed_value
        from tfx.proto.orchestration import pipeline_pb2

        for name, said in invocation.parameter_schemas.items():
            schema = json_format.ParseDict(said, pipeline_pb2.Value.Schema())
            written = mlmd.Value(string_value=properties[name])
            properties[name] = get_parsed_value(written, schema)
    return properties


def _context(executor_class: type[Any], invocation: Invocation) -> Any:
    """What TFX's launcher tells an executor, as far as it is known here."""
    from tfx.dsl.components.base.base_executor import BaseExecutor
    from tfx.proto.orchestration import pipeline_pb2

    node = pipeline_pb2.PipelineNode()
    node.node_info.id = invocation.node
    node.node_info.type.name = invocation.component
    work = pathlib.Path(invocation.output_file).parent / ".temp"
    said: dict[str, Any] = {
        "tmp_dir": str(work),
        "unique_id": invocation.attempt,
        "stateful_working_dir": str(work / "stateful"),
        "pipeline_node": node,
        "pipeline_info": pipeline_pb2.PipelineInfo(id=invocation.pipeline),
        "pipeline_run_id": invocation.run,
    }
    flags = list(invocation.flags)
    # Beam executors have a context class of their own, with flags under another name.
    context_class = getattr(executor_class, "Context", BaseExecutor.Context)
    if any(base.__name__ == "BaseBeamExecutor" for base in executor_class.__mro__):
        from tfx_estimators.components.beam_flags import spare_packaging, with_plugin
        from tfx_estimators.components.beam_overhead import lower_beam_overhead

        lower_beam_overhead()
        return context_class(beam_pipeline_args=with_plugin(spare_packaging(flags)), **said)
    return context_class(extra_flags=flags, **said)


def _tag_with_version(outputs: Mapping[str, Sequence[Any]]) -> None:
    from tfx import version

    for artifacts in outputs.values():
        for artifact in artifacts:
            artifact.set_string_custom_property("tfx_version", version.__version__)


def _answer(invocation: Invocation, outputs: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """KFP's ExecutorOutput as JSON."""
    from tfx.types.value_artifact import ValueArtifact

    told: dict[str, Any] = {}
    for key, given in invocation.outputs.items():
        if len(outputs[key]) != len(given):
            raise StepInputError(
                f"{invocation.node} made {len(outputs[key])} artifacts for {key}",
                expected=f"{len(given)}: Kubeflow Pipelines takes one per output",
                fix="give each artifact an output of its own",
            )
        pairs = zip(outputs[key], given, strict=True)
        found = [runtime_artifact(artifact, one) for artifact, one in pairs]
        # The backend reads strict JSON; a property without a number is none.
        told[key] = {"artifacts": finite(found)}
    values: dict[str, Any] = {}
    for key in invocation.output_parameters:
        if key == EXECUTION:
            values[key] = own_execution(invocation)
            continue
        artifacts = outputs.get(key) or outputs.get(artifact_key(key)) or [None]
        if not isinstance(artifacts[0], ValueArtifact):
            raise StepInputError(
                f"the output {key} is used as a parameter, but is not a value",
                expected="a String, Integer, Float or Boolean artifact",
            )
        values[key] = artifacts[0].read()
    return {"artifacts": told, "parameterValues": values}
