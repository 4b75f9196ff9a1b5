"""The command line of a step, read.

The arguments are those of TFX's `kubeflow_v2_run_executor`, and some more that a package
may carry: the names that lineage goes by, which the backend does not tell a container,
the keys of the component's own outputs, since the backend adds some of its own, and what
parameters are that travel as text.
What the backend hands over is KFP's ExecutorInput as JSON, which is read as it is.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any

from tfx_estimators.errors import StepInputError
from tfx_estimators.kubeflow.entrypoint.uris import task_place
from tfx_estimators.kubeflow.kubernetes_names import DATA_DIGEST, ESCAPED

__all__ = ["UNKNOWN", "Invocation"]

UNKNOWN = "unknown"
"""Stands for a name that neither the arguments nor the outputs' places tell."""

_POD = "KFP_POD_NAME"
_RUN = "KFP_RUN_ID"
_LOGS = "executor-logs"


@dataclasses.dataclass(frozen=True)
class Invocation:
    """One attempt of one step.

    Attributes:
        executor: importable path of the executor's class.
        parameters: execution properties, nulls left out; text, numbers and truth values.
        inputs: input key -> RuntimeArtifacts, as JSON.
        outputs: output key -> RuntimeArtifacts, as JSON; what the backend adds for itself,
            such as the file that it copies the step's log into, is left out.
        output_parameters: output keys that are wanted as parameters too.
        output_file: where the executor's output goes.
        inputs_spec: the component's ComponentInputsSpec, as JSON.
        flags: all other arguments, which are Beam's.
        pipeline: the pipeline's name.
        run: the run's id.
        node: the node's id.
        component: importable path of the component's class, or else of the executor's.
        attempt: the pod's name, or what else is unlike other attempts' names.
        data_digest: of the files that the parameters name, if the step is cached by it.
        parameter_schemas: what the text of a parameter is, as `pipeline_pb2.Value.Schema`
            has it in JSON.
    """

    executor: str
    parameters: dict[str, Any]
    inputs: dict[str, list[dict[str, Any]]]
    outputs: dict[str, list[dict[str, Any]]]
    output_parameters: tuple[str, ...]
    output_file: str
    inputs_spec: dict[str, Any]
    flags: tuple[str, ...]
    pipeline: str
    run: str
    node: str
    component: str
    attempt: str
    data_digest: str | None = None
    parameter_schemas: dict[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> Invocation:
        """Reads a command line.

        Raises:
            StepInputError: if it is not what a compiled package and a backend make.
        """
        # No abbreviations: whatever is not known is Beam's.
        parser = argparse.ArgumentParser(
            prog="python -m tfx_estimators.kubeflow.entrypoint",
            allow_abbrev=False,
            description="Runs a TFX executor in a step of Kubeflow Pipelines. A compiled "
            "package contains the command; there is no need to type it.",
        )
        parser.add_argument("--executor_class_path", required=True)
        parser.add_argument("--json_serialized_invocation_args", required=True)
        parser.add_argument("--json_serialized_inputs_spec_args", default="{}")
        parser.add_argument("--tfx_outputs", type=_keys)
        parser.add_argument("--tfx_parameter_schemas", default="{}")
        parser.add_argument("--tfx_pipeline")
        parser.add_argument("--tfx_node")
        parser.add_argument("--tfx_component")
        said, flags = parser.parse_known_args(arguments)
        given = _object(said.json_serialized_invocation_args, "--json_serialized_invocation_args")
        spec = _object(said.json_serialized_inputs_spec_args, "--json_serialized_inputs_spec_args")
        inputs, outputs = given.get("inputs") or {}, given.get("outputs") or {}
        if not outputs.get("outputFile"):
            raise StepInputError(
                "the backend's ExecutorInput has no outputs.outputFile",
                expected="the JSON that Kubeflow Pipelines puts in place of {{$}}",
                fix="run the package with Kubeflow Pipelines 2, or: tfx-estimators run "
                "PIPELINE --runner kubeflow-local",
            )
        artifacts = _artifacts(outputs)
        place = _place(artifacts, outputs["outputFile"])
        parameters = _parameters(inputs.get("parameterValues") or {}, spec)
        data_digest = parameters.pop(DATA_DIGEST, None)
        schemas = _object(said.tfx_parameter_schemas, "--tfx_parameter_schemas")
        for name in schemas.keys() & parameters.keys():
            if schemas[name].pop(ESCAPED, False):
                parameters[name] = json.loads(parameters[name])
        return cls(
            executor=said.executor_class_path,
            parameters=parameters,
            inputs=_artifacts(inputs),
            outputs={
                key: held
                for key, held in artifacts.items()
                if (key != _LOGS if said.tfx_outputs is None else key in said.tfx_outputs)
            },
            output_parameters=tuple(outputs.get("parameters") or {}),
            output_file=outputs["outputFile"],
            inputs_spec=spec,
            flags=tuple(flags),
            pipeline=said.tfx_pipeline or place[0],
            run=os.environ.get(_RUN) or place[1],
            node=said.tfx_node or place[2],
            component=said.tfx_component or said.executor_class_path,
            attempt=os.environ.get(_POD) or f"{place[1]}.{place[2]}",
            data_digest=data_digest,
            parameter_schemas={n: schema for n, schema in schemas.items() if schema},
        )


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise StepInputError(
            f"{name} is not JSON: {error}: {text[:80]!r}",
            expected="what Kubeflow Pipelines puts in place of {{$}}",
            fix="compile the pipeline again",
        ) from error
    if not isinstance(value, dict):
        raise StepInputError(f"{name} is {text[:80]!r}", expected="a JSON object")
    return value


def _artifacts(side: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    lists = side.get("artifacts") or {}
    return {key: list(held.get("artifacts") or ()) for key, held in lists.items()}


def _parameters(values: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """Integers come as doubles, by way of google.protobuf.Value."""
    known = spec.get("parameters") or {}
    given = {}
    for name, value in values.items():
        if value is None:
            continue
        kind = (known.get(name) or {}).get("parameterType")
        given[name] = int(value) if kind == "NUMBER_INTEGER" else value
    return given


def _place(outputs: dict[str, list[dict[str, Any]]], output_file: str) -> tuple[str, str, str]:
    """Pipeline, run and node, as the places of the step's outputs tell them.

    A step without outputs has the executor's output file alone, which lies in the task's
    folder on a backend from 2.15 on.
    """
    uris = [str(one.get("uri") or "") for held in outputs.values() for one in held]
    for place in (*uris, output_file):
        if (found := task_place(place)) is not None:
            return found.pipeline, found.run, found.task
    return UNKNOWN, UNKNOWN, UNKNOWN


def _keys(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))
