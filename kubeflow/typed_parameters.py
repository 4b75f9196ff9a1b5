"""Parameters that do not reach a step as they are.

Of truth values, lists, dictionaries and protos TFX's compiler makes numbers and text, and its
executors for Kubeflow get these. The local runner writes text, says beside it what the text
is, and gives executors the value. A package does as the local runner does.

In text, Kubernetes replaces $(NAME) by a variable of the container, and $$ by $, since the
backend puts parameters on the command line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.kubernetes_names import ESCAPED
from tfx_estimators.kubeflow.values import declare

__all__ = ["type_parameters"]

_ARGUMENT = "--tfx_parameter_schemas"
_EXPANDED = ("$$", "$(")


def type_parameters(spec: dict[str, Any], nodes: Iterable[Any]) -> None:
    """Writes such values so that the entrypoint can make of them what they were.

    Args:
        spec: a PipelineSpec by node ids, changed in place.
        nodes: those that run our entrypoint.
    """
    executors, tasks = spec["deploymentSpec"]["executors"], spec["root"]["dag"]["tasks"]
    for node in nodes:
        schemas = {}
        for name, value in node.exec_properties.items():
            text, schema = _written(value)
            if isinstance(text, str) and any(part in text for part in _EXPANDED):
                text, schema = dumps(text).replace("$", "\\u0024"), {**schema, ESCAPED: True}
            if schema:
                schemas[name] = schema
                declare(spec, spec["components"][node.id], name, "STRING")
                given = tasks[node.id]["inputs"]["parameters"]
                given[name] = {"runtimeValue": {"constant": text}}
        if schemas:
            label = spec["components"][node.id]["executorLabel"]
            executors[label]["container"]["args"].append(f"{_ARGUMENT}={dumps(schemas)}")


def _written(value: Any) -> tuple[Any, dict[str, Any]]:
    """A value as it goes into the package, and what its text is."""
    from google.protobuf import json_format
    from google.protobuf.message import Message
    from tfx.orchestration.data_types_utils import set_parameter_value
    from tfx.proto.orchestration import pipeline_pb2

    if not isinstance(value, (bool, list, tuple, dict, Message)):
        return value, {}
    written = set_parameter_value(pipeline_pb2.Value(), value)
    return written.field_value.string_value, json_format.MessageToDict(written.schema)
