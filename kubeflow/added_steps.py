"""Steps that no node of the pipeline stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfx_estimators.kubeflow.kubernetes_names import OWN_STEPS, executor_label

__all__ = ["Wire", "add_step", "free_id"]

Wire = tuple[Mapping[str, Any], Mapping[str, Any]]
"""How an input is declared, and where it comes from."""

_TFX_ARGUMENTS = ("--executor_class_path", "--json_serialized_invocation_args",
                  "--json_serialized_inputs_spec_args")  # fmt: skip


def add_step(
    spec: dict[str, Any],
    id_: str,
    function: str,
    *,
    like: str,
    parameters: Mapping[str, Wire] | None = None,
    artifacts: Mapping[str, Wire] | None = None,
    outputs: Sequence[str] = (),
    made: Mapping[str, Mapping[str, Any]] | None = None,
    after: Iterable[str] = (),
    flags: bool = False,
) -> None:
    """Adds a step that is never cached, and leaves no lineage record.

    Args:
        spec: a PipelineSpec by node ids, changed in place.
        id_: of the step, one that `free_id` gives.
        function: below `kubeflow.entrypoint`; takes an Invocation, returns the outputs.
        like: the node whose image, command, name and pipeline it has.
        parameters: input parameters by name.
        artifacts: input artifacts by name.
        outputs: names of output parameters; they are strings.
        made: output artifacts by name, as they are declared.
        after: steps that are to end first.
        flags: whether it gets the node's Beam flags.
    """
    executors, tasks = spec["deploymentSpec"]["executors"], spec["root"]["dag"]["tasks"]
    container = executors[spec["components"][like]["executorLabel"]]["container"]
    given = list(container["args"])
    at = {given.index(name) for name in _TFX_ARGUMENTS if name in given}
    kept = [a for i, a in enumerate(given) if i not in at and i - 1 not in at]
    names = [argument for argument in kept if argument.startswith(_NAMES)]
    executors[executor_label(id_)] = {
        "container": {
            "image": container["image"],
            "command": list(container["command"]),
            "args": [
                "--executor_class_path", f"{OWN_STEPS}{function}",
                "--json_serialized_invocation_args", "{{$}}",
                *names,
                *(a for a in kept if flags and not a.startswith(_TOLD)),
            ],
        }
    }  # fmt: skip
    component: dict[str, Any] = {"executorLabel": executor_label(id_)}
    task: dict[str, Any] = {
        "taskInfo": {"name": id_},
        "componentRef": {"name": id_},
        "cachingOptions": {},
    }
    for kind, wires in (("parameters", parameters), ("artifacts", artifacts)):
        for name, (declared, source) in (wires or {}).items():
            component.setdefault("inputDefinitions", {}).setdefault(kind, {})[name] = dict(declared)
            task.setdefault("inputs", {}).setdefault(kind, {})[name] = dict(source)
    definitions = {
        "parameters": {name: {"parameterType": "STRING"} for name in outputs},
        "artifacts": {name: dict(declared) for name, declared in (made or {}).items()},
    }
    if declared_outputs := {kind: held for kind, held in definitions.items() if held}:
        component["outputDefinitions"] = declared_outputs
    if first := sorted(after):
        task["dependentTasks"] = first
    spec["components"][id_], tasks[id_] = component, task


_NAMES = ("--tfx_pipeline=", "--tfx_node=", "--tfx_parameter_schemas=")
_TOLD = (*_NAMES, "--tfx_component=", "--tfx_outputs=")


def free_id(spec: Mapping[str, Any], wanted: str) -> str:
    """An id that no node has: `wanted`, or `wanted` with something added."""
    while wanted in spec["components"]:
        wanted += "-"
    return wanted
