"""Artifacts as the backend writes them, and as TFX's executors know them.

The backend keeps one flat map of metadata for an artifact. Of numbers it knows doubles
only; null is an error; lists and objects come back as they are written to some consumers
and not to others, so they travel as JSON text. Truth values travel as 0 and 1, which
conditions compare with, and a property of ours names them.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.types.artifact import CUSTOM_PROPERTIES_PREFIX, Artifact
from tfx.types.value_artifact import ValueArtifact

from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.entrypoint.artifact_types import artifact_class
from tfx_estimators.kubeflow.entrypoint.uris import local_path

__all__ = [
    "ABSENT",
    "input_artifacts",
    "make_places",
    "output_artifacts",
    "plain_properties",
    "runtime_artifact",
]

# Set by `kubeflow.blessed_model_executor`: the backend wants an artifact on every output.
ABSENT = "tfx_estimators_absent"

# What the backend notes of every artifact that a step makes or imports. They are its own: as
# an output, the same artifact has none of them.
_NOTED = ("display_name", "store_session_info")

# Of properties that are numbers for the backend: those that are truth values for TFX.
_BOOLEANS = "tfx_estimators_booleans"

Given = Mapping[str, Sequence[Mapping[str, Any]]]


def input_artifacts(given: Given, spec: Mapping[str, Any]) -> dict[str, list[Artifact]]:
    """What the executor reads, typed by the component's inputs spec.

    Value artifacts have been read. What a lookup did not find is left out.
    """
    declared = spec.get("artifacts") or {}
    read = {}
    for key, artifacts in given.items():
        schema = (declared.get(key) or {}).get("artifactType")
        there = [one for one in artifacts if not (one.get("metadata") or {}).get(ABSENT)]
        read[key] = [_artifact(one, schema, one.get("type")) for one in there]
        for artifact in read[key]:
            if isinstance(artifact, ValueArtifact):
                artifact.read()
    return read


def output_artifacts(given: Given) -> dict[str, list[Artifact]]:
    """What the executor fills, at the launcher's local paths."""
    return {
        key: [_artifact(one, one.get("type")) for one in artifacts]
        for key, artifacts in given.items()
    }


def runtime_artifact(artifact: Artifact, given: Mapping[str, Any]) -> dict[str, Any]:
    """An artifact for the executor's output, under the URI that the backend gave it."""
    metadata = dict(_values(artifact.mlmd_artifact.properties))
    for name, value in _values(artifact.mlmd_artifact.custom_properties).items():
        clash = name in metadata or name in _NOTED
        metadata[f"{CUSTOM_PROPERTIES_PREFIX}{name}" if clash else name] = value
    if booleans := _booleans(artifact.mlmd_artifact.custom_properties):
        metadata[_BOOLEANS] = dumps(booleans)
    said = {"name": given.get("name") or "", "uri": given["uri"], "metadata": metadata}
    if given.get("type"):
        said["type"] = given["type"]
    return said


def make_places(outputs: Mapping[str, Sequence[Artifact]]) -> None:
    """Makes the folders that executors find made where TFX's own launcher runs them.

    A value's is the one that its file goes into.
    """
    for artifact in (one for artifacts in outputs.values() for one in artifacts):
        if "://" not in artifact.uri:
            place = pathlib.Path(artifact.uri)
            folder = place.parent if isinstance(artifact, ValueArtifact) else place
            folder.mkdir(parents=True, exist_ok=True)


def plain_properties(artifact: Artifact) -> dict[str, str | int | float]:
    """All properties of an artifact as lineage records hold them."""
    held = artifact.mlmd_artifact
    return {**_values(held.properties), **_values(held.custom_properties)}


def _artifact(given: Mapping[str, Any], *schemas: Any) -> Artifact:
    artifact = artifact_class(*schemas)()
    artifact.uri = local_path(str(given.get("uri") or ""))
    declared = dict(artifact.artifact_type.properties)
    metadata = dict(given.get("metadata") or {})
    booleans = json.loads(metadata.pop(_BOOLEANS, "[]"))
    for name, value in metadata.items():
        if value is None or name in _NOTED:
            continue
        kind = declared.get(name)
        if kind is not None and _set_declared(artifact.mlmd_artifact.properties[name], kind, value):
            continue
        if kind is not None:
            del artifact.mlmd_artifact.properties[name]
        stripped = name.removeprefix(CUSTOM_PROPERTIES_PREFIX)
        name = stripped if stripped in declared or stripped in _NOTED else name
        _set_custom(
            artifact.mlmd_artifact.custom_properties[name],
            bool(value) if name in booleans else value,
        )
    return artifact


def _booleans(properties: Mapping[str, Any]) -> list[str]:
    return sorted(
        name for name, value in properties.items() if value.WhichOneof("value") == "bool_value"
    )


def _set_declared(target: Any, kind: int, value: Any) -> bool:
    """Sets a property as its type declares it; False if the value is none of it."""
    number = isinstance(value, (int, float))
    if kind == mlmd.INT and number:
        target.int_value = int(value)
    elif kind == mlmd.DOUBLE and number:
        target.double_value = float(value)
    elif kind == mlmd.STRING and isinstance(value, str):
        target.string_value = value
    else:
        return False
    return True


def _set_custom(target: Any, value: Any) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, (int, float)):
        # As TFX does: its getters for whole and for other numbers both read this one,
        # and nobody can say any more which it was.
        target.struct_value.fields[_STRUCT_VALUE].number_value = float(value)
    else:
        target.string_value = dumps(value)


_STRUCT_VALUE = "__value__"  # tfx.types.artifact._encode_struct_value; TFX 1.15.1 to 1.21.0


def _values(properties: Mapping[str, Any]) -> dict[str, str | int | float]:
    plain = {name: _plain(value) for name, value in properties.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _plain(value: Any) -> str | int | float | None:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    held = getattr(value, kind)
    if kind == "bool_value":
        return int(held)
    if kind in ("int_value", "double_value", "string_value"):
        return held
    from google.protobuf import json_format

    read = json_format.MessageToDict(held)
    if kind == "struct_value" and set(read) == {_STRUCT_VALUE}:
        read = read[_STRUCT_VALUE]
    if isinstance(read, bool):
        return int(read)
    if isinstance(read, (str, int, float)):
        return read
    return None if read is None else dumps(read, sort_keys=True)
