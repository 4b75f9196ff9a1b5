"""What ids stand for in the graph that a checkpoint was written with.

Two checkpoints may have the same variables while their rows stand for other values: a
vocabulary in another order, other boundaries, other classes. Where no transform but the module
itself has these, only the graph tells. It lies beside the checkpoint as PREFIX.meta, or else as
graph.pbtxt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import TrainingError
from tfx_estimators.estimator.checkpoints import Checkpoint

__all__ = ["ids_in_graph"]

# The name of all boundaries: which column asks for them first decides where they are made.
_BOUNDARIES = "bucket boundaries"
_LISTED = ("InitializeTableV2", "LookupTableImportV2")
_IN_A_FILE = "InitializeTableFromTextFileV2"
_SAME_VALUES = ("Cast", "Identity")
_WHOLE_LINE, _LINE_NUMBER = -2, -1
# TensorFlow puts a table below a scope that is named after its column, with a number if need be.
_TABLE = re.compile(r"(/hash_table(_[^/]*)?)+$")
_SCOPE = re.compile(r"(_lookup)?(_\d+)?$")


def ids_in_graph(checkpoint: Checkpoint, assets: str | None = None) -> dict[str, str | None]:
    """Digests of what ids stand for, by the column, or the table, that gives them.

    Args:
        checkpoint: the one beside which the graph lies.
        assets: a folder with the vocabularies as they were exported. They come before the
            files that the graph names, which may have changed since.

    Returns:
        None for what cannot be told. Empty without a graph, or if it has no such ids.

    Raises:
        TrainingError: if the graph is damaged.
    """
    graph = _graph_beside(checkpoint)
    nodes = {node.name: node for node in graph.node}
    found: dict[str, list[str | None]] = {}
    for node in graph.node:
        if node.op == "Bucketize":
            boundaries = list(node.attr["boundaries"].list.f)
            found.setdefault(_BOUNDARIES, []).append(_digest(boundaries))
        elif node.op in _LISTED:
            found.setdefault(_name(node), []).append(_digest(_listed(nodes, node)))
        elif node.op == _IN_A_FILE:
            path = _constant(nodes, node.input[1])
            found.setdefault(_name(node), []).append(_digest(_entries(path, node, assets)))
    return {name: _joined(digests) for name, digests in found.items()}


def _graph_beside(checkpoint: Checkpoint) -> Any:
    meta, text = tf.compat.v1.MetaGraphDef(), f"{checkpoint.folder}/graph.pbtxt"
    beside = f"{checkpoint.prefix}.meta"
    path = beside if files_for(beside).exists(beside) else text
    if not files_for(path).exists(path):
        return meta.graph_def
    with files_for(path).open(path, "rb") as file:
        content = file.read()
    try:
        if path == text:
            text_format.Parse(content, meta.graph_def)
        else:
            meta.ParseFromString(content)
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise TrainingError(
            f"the graph in {path} cannot be read, so it cannot be compared: {error}",
            expected="the file that TensorFlow wrote there",
            fix="take another checkpoint, or restore the file from a backup",
        ) from error
    return meta.graph_def


def _name(node: Any) -> str:
    scope = _TABLE.sub("", node.input[0].partition(":")[0])
    return _SCOPE.sub("", scope.rpartition("/")[2])


def _listed(nodes: Mapping[str, Any], node: Any) -> list[Any] | None:
    """Keys and values of a table. Ids are no constants: they are counted in the graph."""
    sides = [_constant(nodes, name) for name in node.input[1:3]]
    return None if sides == [None, None] else sides


def _constant(nodes: Mapping[str, Any], name: str) -> list[Any] | None:
    """The values of a constant, as a flat list; None for what is none."""
    node = nodes.get(name.partition(":")[0])
    while node is not None and node.op in _SAME_VALUES:
        node = nodes.get(node.input[0].partition(":")[0])
    if node is None or node.op != "Const":
        return None
    values: list[Any] = tf.make_ndarray(node.attr["value"].tensor).ravel().tolist()
    return values


def _entries(path: list[Any] | None, node: Any, assets: str | None) -> list[Any] | None:
    """What a table reads from a file, as if it had been listed; None if it is not there."""
    if path is None:
        return None
    named = tf.compat.as_text(path[0])
    places = [named] if assets is None else [f"{assets}/{named.rpartition('/')[2]}", named]
    place = next((place for place in places if files_for(place).exists(place)), None)
    if place is None:
        return None
    with files_for(place).open(place, "rb") as file:
        lines = file.read().splitlines()
    size, key, value = (node.attr[name].i for name in ("vocab_size", "key_index", "value_index"))
    if (key, value) != (_WHOLE_LINE, _LINE_NUMBER):
        return [lines, key, value]
    return lines if size < 0 else lines[:size]


def _digest(values: list[Any] | None) -> str | None:
    return None if values is None else hashlib.sha256(repr(values).encode()).hexdigest()


def _joined(digests: list[str | None]) -> str | None:
    known = {digest for digest in digests if digest is not None}
    return "+".join(sorted(known)) if None not in digests else None
