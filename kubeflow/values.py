"""Values of artifacts that become parameters of other steps (`.future()[0].value`)."""

from __future__ import annotations

import json
from typing import Any

from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.kubernetes_names import value_key

__all__ = ["declare", "point_at_values"]

_SPEC = "--json_serialized_inputs_spec_args"


def point_at_values(spec: dict[str, Any]) -> None:
    """Repairs what TFX's compiler says of them, in three ways.

    It calls the producer `X_task` where the task is X; gives the value the key of the
    artifact that holds it, where `kfp.local` then finds the artifact; and declares text for
    what may be a number, which the backend makes text then.

    Args:
        spec: a PipelineSpec as TFX compiles it, changed in place.
    """
    tasks, components = spec["root"]["dag"]["tasks"], spec["components"]
    for component in components.values():
        values = component.get("outputDefinitions", {}).get("parameters", {})
        for key in list(values):
            values[value_key(key)] = values.pop(key)
    for task in tasks.values():
        for name, given in task.get("inputs", {}).get("parameters", {}).items():
            source = given.get("taskOutputParameter")
            if not source:
                continue
            if source["producerTask"] not in tasks:
                source["producerTask"] = source["producerTask"].removesuffix("_task")
            source["outputParameterKey"] = key = value_key(source["outputParameterKey"])
            producer = components[tasks[source["producerTask"]]["componentRef"]["name"]]
            kind = producer["outputDefinitions"]["parameters"][key]["parameterType"]
            declare(spec, components[task["componentRef"]["name"]], name, kind)


def declare(spec: dict[str, Any], component: dict[str, Any], name: str, kind: str) -> None:
    """Changes a parameter's type, in the component and in what its entrypoint is told of it.

    Args:
        spec: a PipelineSpec as TFX compiles it.
        component: a part of it, changed in place.
        name: of the parameter.
        kind: its type, such as "STRING".
    """
    component["inputDefinitions"]["parameters"][name]["parameterType"] = kind
    executor = spec["deploymentSpec"]["executors"][component["executorLabel"]]
    arguments = executor.get("container", {}).get("args", [])
    if _SPEC in arguments:
        place = arguments.index(_SPEC) + 1
        told = json.loads(arguments[place])
        told["parameters"][name]["parameterType"] = kind
        arguments[place] = dumps(told, indent=2, sort_keys=True)
