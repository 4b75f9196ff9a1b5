"""Prepares the SavedModel of a finished training for publication."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfx.dsl.io import fileio

from tfx_estimators.components.feature_tensors import find_feature_tensors
from tfx_estimators.components.model_digest import hash_model
from tfx_estimators.components.saved_graph import SAVED_MODEL, assets_of, normalize
from tfx_estimators.components.trainer.checkpoints.serving_graph import (
    keep_for_serving,
    write_export_note,
)
from tfx_estimators.errors import SavedModelError, TrainingError
from tfx_estimators.whole_files import write_whole

__all__ = ["finish_model"]

_BY_CHANCE = "fingerprint.pb"
_ASSETS = "assets/"


def finish_model(folder: str) -> None:
    """Checks that a model can be loaded, and writes its graph as equal models have it.

    The graph of an Estimator's export is rewritten: see `serving_graph` and `saved_graph`.
    One of Keras is left as it is. `fingerprint.pb`, which no reader needs and in which
    TensorFlow puts a random number, is removed. A note says which versions wrote it all.

    Args:
        folder: the SavedModel's.

    Raises:
        TrainingError: if there is no SavedModel, or a part of it is missing or damaged.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    path = f"{folder}/{SAVED_MODEL}"
    if not fileio.exists(path):
        raise _unusable(folder, "there is no saved_model.pb")
    proto = saved_model_pb2.SavedModel()
    with fileio.open(path, "rb") as file:
        serialized = file.read()
    try:
        proto.ParseFromString(serialized)
    except DecodeError as error:
        raise _unusable(folder, "saved_model.pb cannot be parsed") from error
    if not proto.meta_graphs:
        raise _unusable(folder, "saved_model.pb holds no graph")
    try:
        content = {name: file.sha256 for name, file in hash_model(folder).items()}
    except SavedModelError as error:
        raise _unusable(folder, str(error)) from error
    for graph in proto.meta_graphs:
        _check(graph, content, folder)
    if not any(graph.HasField("object_graph_def") for graph in proto.meta_graphs):
        assets = {n[len(_ASSETS) :]: d for n, d in content.items() if n.startswith(_ASSETS)}
        for graph in proto.meta_graphs:
            keep_for_serving(graph, _read_by_name(folder))
        normalize(proto, assets)
        graph_bytes = proto.SerializeToString(deterministic=True)
        write_whole(path, graph_bytes, fileio.open, fileio.rename)
        if _BY_CHANCE in content:
            fileio.remove(f"{folder}/{_BY_CHANCE}")
    write_export_note(folder)


def _read_by_name(folder: str) -> list[str]:
    """The tensors of features, which the evaluator reads."""
    tensors = [dataclasses.astuple(one) for one in find_feature_tensors(folder).values()]
    return [name for parts in tensors for name in parts if name is not None]


def _check(graph: Any, content: dict[str, str], folder: str) -> None:
    from tfx_estimators.estimator.checkpoints import Checkpoint, is_whole

    for asset in assets_of(graph):
        if f"{_ASSETS}{asset.filename}" not in content:
            raise _unusable(folder, f"the asset {asset.filename} is missing")
    operations = {node.op for node in graph.graph_def.node}
    if "variables/variables.index" in content:
        if not is_whole(Checkpoint(0, f"{folder}/variables/variables")):
            raise _unusable(folder, "its variables are damaged")
    elif operations & {"VarHandleOp", "VariableV2"}:
        raise _unusable(folder, "its variables are missing")


def _unusable(folder: str, why: str) -> TrainingError:
    return TrainingError(
        f"the training left no model that can be loaded from {folder}: {why}",
        expected="a complete SavedModel",
        fix="check how the module exports its model, and whether it ends the process",
    )
