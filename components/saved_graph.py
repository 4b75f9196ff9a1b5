"""What the graph of a SavedModel says, without what only its making has put into it.

TensorFlow numbers functions by how much the process had traced before, names lookup tables
by a random number or by the absolute path of their file, and keeps that path in the graph
though whoever loads it gives another. Two graphs that mean the same therefore differ in
their bytes. `normalize` takes these differences out and leaves everything else.

Seen on TensorFlow 2.15, 2.16 and 2.21.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["SAVED_MODEL", "assets_of", "content_digest", "is_by_chance", "normalize"]

SAVED_MODEL = "saved_model.pb"
# Holds random numbers and hashes of the rest; no reader needs it.
_FINGERPRINT = "fingerprint.pb"
_NUMBERED = re.compile(r"^(?P<base>.*_)(?P<number>\d+)$")
_ASSETS = "saved_model_assets"
_VARIABLES = b"variables/variables"
_TABLE = re.compile(r"HashTable|LookupTable|DenseHash")
# Attributes that hold numbers of the process that traced a function, where they hold one; who
# loads a graph makes its own.
_OF_TRACING = ("_gradient_op_type", "_user_specified_name")
_NUMBER = re.compile(rb"^([A-Za-z]+-)?\d+$")


def is_by_chance(name: str, beside: Iterable[str]) -> bool:
    """Whether a file's content differs each time a SavedModel is written.

    Args:
        name: of the file.
        beside: names of the files in the same folder.
    """
    return name == _FINGERPRINT and SAVED_MODEL in beside


def content_digest(serialized: bytes) -> str:
    """SHA-256 of what a `saved_model.pb` says; of its bytes where it cannot be parsed."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel()
    try:
        proto.ParseFromString(serialized)
    except DecodeError:
        return hashlib.sha256(serialized).hexdigest()
    normalize(proto)
    for graph in proto.meta_graphs:
        graph.meta_info_def.ClearField("tensorflow_version")
        graph.meta_info_def.ClearField("tensorflow_git_version")
    return hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()


def normalize(proto: Any, content: Mapping[str, str] | None = None) -> None:
    """Makes a SavedModel say the same whoever made it, where and when.

    Args:
        proto: a `SavedModel`, changed in place. It computes what it did.
        content: digests of its assets by file name. Tables that are loaded under one name in
            one process are one table: with these, names differ where contents do. Not needed
            where the graph is not loaded again.
    """
    for graph in proto.meta_graphs:
        _forget_paths(graph)
        functions = graph.graph_def.library.function
        names = _without_numbers(function.signature.name for function in functions)
        _rename(graph, names)
        ordered = sorted(functions, key=lambda function: function.signature.name)
        copies = [type(function).FromString(function.SerializeToString()) for function in ordered]
        del functions[:]
        functions.extend(copies)
        _name_tables(graph, content)


def assets_of(graph: Any) -> list[Any]:
    """The `AssetFileDef`s of a graph: an Estimator's export has them in a collection."""
    from tensorflow.core.protobuf import meta_graph_pb2

    found = list(graph.asset_file_def)
    if _ASSETS in graph.collection_def:
        for packed in graph.collection_def[_ASSETS].any_list.value:
            asset = meta_graph_pb2.AssetFileDef()
            if packed.Unpack(asset):
                found.append(asset)
    return found


def _forget_paths(graph: Any) -> None:
    """Paths of assets and variables are given by who loads a graph; its own are not used."""
    files = {asset.tensor_info.name.partition(":")[0]: asset.filename for asset in assets_of(graph)}
    for node in graph.graph_def.node:
        if node.op != "Const" or not node.attr["value"].tensor.string_val:
            continue
        texts = node.attr["value"].tensor.string_val
        if node.name in files:
            texts[0] = files[node.name].encode()
        elif len(texts) == 1 and texts[0].endswith(_VARIABLES):
            texts[0] = _VARIABLES


def _without_numbers(names: Iterable[str]) -> dict[str, str]:
    """New names of functions: those of one kind in the order in which they were made."""
    kinds: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if match := _NUMBERED.match(name):
            kinds.setdefault(match["base"], []).append((int(match["number"]), name))
    return {
        name: f"{base}{position}"
        for base, numbered in kinds.items()
        for position, (_, name) in enumerate(sorted(numbered))
    }


def _rename(message: Any, new: Mapping[str, str]) -> None:
    """Gives every text in a message that is a name its new one."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE and field.message_type.GetOptions().map_entry:
            _rename_in_map(value, field.message_type.fields_by_name["value"], new)
        elif field.type == field.TYPE_MESSAGE:
            for one in _each(field, value):
                _rename(one, new)
        elif field.type == field.TYPE_STRING:
            if isinstance(value, str):
                if value in new:
                    setattr(message, field.name, new[value])
            else:
                for position, text in enumerate(value):
                    if text in new:
                        value[position] = new[text]


def _each(field: Any, value: Any) -> Iterator[Any]:
    return iter([value] if hasattr(value, "ListFields") else value)


def _rename_in_map(values: Any, kind: Any, new: Mapping[str, str]) -> None:
    for key in list(values):
        if key in _OF_TRACING and _NUMBER.match(values[key].s):
            del values[key]
            continue
        if kind.type == kind.TYPE_MESSAGE:
            _rename(values[key], new)
        elif kind.type == kind.TYPE_STRING and values[key] in new:
            values[key] = new[values[key]]
    if not any(key in new for key in values if isinstance(key, str)):
        return
    # All at once: a new key may be another one's old key.
    is_message = kind.type == kind.TYPE_MESSAGE
    kept = {
        new.get(key, key): type(value).FromString(value.SerializeToString())
        if is_message
        else value
        for key, value in values.items()
    }
    values.clear()
    for key, value in kept.items():
        if is_message:
            values[key].CopyFrom(value)
        else:
            values[key] = value


def _name_tables(graph: Any, content: Mapping[str, str] | None) -> None:
    tables: dict[tuple[bytes, bytes], list[Any]] = {}
    bodies = [graph.graph_def.node, *(f.node_def for f in graph.graph_def.library.function)]
    for node in (node for nodes in bodies for node in nodes):
        # Asking a node for an attribute that it does not have would give it one.
        named = {key: node.attr[key].s for key in ("container", "shared_name") if key in node.attr}
        if _TABLE.search(node.op) and named.get("shared_name"):
            place = (named.get("container", b""), named["shared_name"])
            tables.setdefault(place, []).append(node)
    for position, nodes in enumerate(tables.values()):
        for node in nodes:
            node.attr["shared_name"].s = f"table_{position}".encode()
    if content is None or not tables:
        return
    said = graph.graph_def.SerializeToString(deterministic=True)
    digest = hashlib.sha256(said + repr(sorted(content.items())).encode()).hexdigest()[:16]
    for nodes in tables.values():
        for node in nodes:
            node.attr["shared_name"].s += f"_{digest}".encode()
