"""What an exported SavedModel's graph keeps for whoever serves it.

An Estimator exports the graph that it would have trained: with summaries, and with the
conditionals that count zeros for them, which servers load and never run, and which make
TensorFlow print errors about types. Paths of the machine that trained lie in constants. And
TensorFlow's Java API cannot load the model: TF Transform's layer leaves tensors in the
collection `table_initializer`, where operations belong; and what is in it the API runs once
more, when no loader gives the assets' paths.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfx.dsl.io import fileio

from tfx_estimators.json_text import dumps

__all__ = ["EXPORT_NOTE", "keep_for_serving", "write_export_note"]

EXPORT_NOTE = "assets.extra/tfx_estimators_export.json"
"""Beside an exported graph: the versions of what wrote it."""

_PACKAGES = ("tfx-estimators", "tensorflow", "tensorflow-estimator", "tf-keras", "tfx",
             "tensorflow-transform")  # fmt: skip
_INITIALIZERS = "table_initializer"
_ASSETS = "saved_model_assets"
_MAIN_OPS = ("saved_model_main_op", "legacy_init_op")
_NOTHING_TO_DO = "tables_are_initialized_by_main_op"
# Of training: nobody who serves asks for them.
_OF_TRAINING = ("summaries", "summary_op", "merge_summary_op", "losses", "regularization_losses",
                "update_ops")  # fmt: skip
_VARIABLES = ("variables", "trainable_variables", "local_variables", "model_variables",
              "metric_variables", "moving_average_variables", "global_step")  # fmt: skip
_COLOCATED = b"loc:@"


def keep_for_serving(graph: Any, read_by_name: Iterable[str] = ()) -> None:
    """Leaves of a graph of TensorFlow 1, as Estimators export them, what serving needs.

    What it answers stays the same. That is what its signatures, its variables and its
    initializers need, without summaries and without the paths of this machine. The
    collection `table_initializer` names operations; tables that are filled from assets are
    left to the main operation alone.

    Args:
        graph: a `MetaGraphDef`, changed in place.
        read_by_name: tensors that somebody asks for though no signature names them.
    """
    _name_operations(graph)
    _initialize_once(graph)
    _forget_training(graph, read_by_name)
    _forget_paths(graph)


def write_export_note(folder: str) -> None:
    """Leaves `EXPORT_NOTE` beside a SavedModel's graph.

    Args:
        folder: the SavedModel's, on any file system that TFX reads.
    """
    path = f"{folder}/{EXPORT_NOTE}"
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "w") as file:
        file.write(dumps({"format": 1, "python": platform.python_version(), **_versions()}))


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # Not installed, or run from a checkout.
    return found


def _name_operations(graph: Any) -> None:
    """Of tensors in the collection of initializers, names the operations that make them."""
    if _INITIALIZERS in graph.collection_def:
        names = graph.collection_def[_INITIALIZERS].node_list.value
        operations = dict.fromkeys(_operation(name) for name in names)
        del names[:]
        names.extend(operations)


def _initialize_once(graph: Any) -> None:
    """Leaves tables that are filled from assets to the main operation, which loaders run.

    Whoever runs the collection of initializers too, as TensorFlow's Java API does, would
    look for the assets where they lay on the machine that trained.
    """
    collections = graph.collection_def
    if _INITIALIZERS not in collections or not any(name in collections for name in _MAIN_OPS):
        return
    nodes = {node.name: node for node in graph.graph_def.node}
    assets = {_operation(asset.tensor_info.name) for asset in _assets(graph)}
    names = collections[_INITIALIZERS].node_list.value
    left = [name for name in names if not assets & _needed(nodes, [name])]
    if len(left) == len(names):
        return
    graph.graph_def.node.add(name=_NOTHING_TO_DO, op="NoOp")
    del names[:]
    names.extend([*left, _NOTHING_TO_DO])


def _forget_training(graph: Any, read_by_name: Iterable[str]) -> None:
    """Leaves the nodes that are needed, and the functions that these call."""
    for name in _OF_TRAINING:
        graph.collection_def.pop(name, None)
    roots = _roots(graph)
    if roots is None:
        return
    nodes = {node.name: node for node in graph.graph_def.node}
    needed = _needed(nodes, [*roots, *read_by_name])
    kept = [node for node in graph.graph_def.node if node.name in needed]
    for node in kept:
        _leave_the_gone(node, needed)
    called = _called(kept, graph.graph_def.library)
    library = graph.graph_def.library
    functions = [one for one in library.function if one.signature.name in called]
    gradients = [one for one in library.gradient if one.function_name in called]
    for field, left in (
        (graph.graph_def.node, kept),
        (library.function, functions),
        (library.gradient, gradients),
    ):
        copies = [type(one).FromString(one.SerializeToString()) for one in left]
        del field[:]
        field.extend(copies)


def _needed(nodes: Mapping[str, Any], roots: Iterable[str]) -> set[str]:
    """Names of the nodes that some need, themselves included."""
    needed: set[str] = set()
    found = [name for name in map(_operation, roots) if name in nodes]
    while found:
        name = found.pop()
        if name not in needed:
            needed.add(name)
            found.extend(map(_operation, nodes[name].input))
    return needed


def _roots(graph: Any) -> list[str] | None:
    """What a loader asks for by name; None if the graph has something that hides names."""
    from tensorflow.core.framework import variable_pb2
    from tensorflow.core.protobuf import control_flow_pb2, queue_runner_pb2

    kinds = {
        **dict.fromkeys(_VARIABLES, variable_pb2.VariableDef),
        "cond_context": control_flow_pb2.CondContextDef,
        "while_context": control_flow_pb2.WhileContextDef,
        "queue_runners": queue_runner_pb2.QueueRunnerDef,
    }
    names = [*_texts(graph.saver_def)]
    for signature in graph.signature_def.values():
        names += _texts(signature)
    names += [asset.tensor_info.name for asset in _assets(graph)]
    for key, collection in graph.collection_def.items():
        names += collection.node_list.value
        if collection.bytes_list.value and key not in kinds:
            return None
        for content in collection.bytes_list.value:
            names += _texts(kinds[key].FromString(content))
    return names


def _texts(message: Any) -> Iterator[str]:
    """Every text in a message, names of nodes among them."""
    for _, value in message.ListFields():
        many = value.values() if hasattr(value, "keys") else value
        for part in many if hasattr(value, "keys") or hasattr(value, "extend") else [value]:
            if isinstance(part, str):
                yield part
            elif hasattr(part, "ListFields"):
                yield from _texts(part)


def _operation(name: str) -> str:
    """The operation of a tensor's name, or of a control input's."""
    return name.removeprefix("^").partition(":")[0]


def _leave_the_gone(node: Any, needed: set[str]) -> None:
    """Takes the names of nodes that are gone from those beside which a node is placed."""
    places = node.attr["_class"].list.s if "_class" in node.attr else []
    left = [
        place
        for place in places
        if not place.startswith(_COLOCATED) or place[len(_COLOCATED) :].decode() in needed
    ]
    if left != list(places):
        del node.attr["_class"]
        if left:
            node.attr["_class"].list.s.extend(left)


def _called(nodes: Iterable[Any], library: Any) -> set[str]:
    """Names of the functions that nodes call, and of those that these call."""
    functions = {function.signature.name: function for function in library.function}
    gradients: dict[str, list[str]] = {}
    for one in library.gradient:
        gradients.setdefault(one.function_name, []).append(one.gradient_func)
    called: set[str] = set()
    found = [name for node in nodes for name in _functions_of(node)]
    while found:
        name = found.pop()
        if name in called or name not in functions:
            continue
        called.add(name)
        found += gradients.get(name, ())
        found += [one for node in functions[name].node_def for one in _functions_of(node)]
    return called


def _functions_of(node: Any) -> Iterator[str]:
    yield node.op
    for value in node.attr.values():
        yield from _functions_in(value)


def _functions_in(value: Any) -> Iterator[str]:
    for function in [value.func] if value.HasField("func") else value.list.func:
        yield function.name
        for inner in function.attr.values():
            yield from _functions_in(inner)


def _forget_paths(graph: Any) -> None:
    """Takes the folders of this machine out of constants.

    A loader gives an asset's constant the file's path. A checkpoint that variables began
    with is not read again: a SavedModel has their values.
    """
    nodes = {node.name: node for node in graph.graph_def.node}
    restored_by = _operation(graph.saver_def.filename_tensor_name)
    files = {_operation(asset.tensor_info.name): asset.filename for asset in _assets(graph)}
    for node in graph.graph_def.node:
        if node.op in ("RestoreV2", "Restore") and node.input:
            name = _operation(node.input[0])
            if name != restored_by:
                files.setdefault(name, "")
    for name, file in files.items():
        node = nodes.get(name)
        if node is not None and node.op == "Const":
            values = node.attr["value"].tensor.string_val
            short = [file.encode() or value.rpartition(b"/")[2] for value in values]
            del values[:]
            values.extend(short)


def _assets(graph: Any) -> list[Any]:
    from tensorflow.core.protobuf import meta_graph_pb2

    found = list(graph.asset_file_def)
    if _ASSETS in graph.collection_def:
        for content in graph.collection_def[_ASSETS].any_list.value:
            asset = meta_graph_pb2.AssetFileDef()
            content.Unpack(asset)
            found.append(asset)
    return found
