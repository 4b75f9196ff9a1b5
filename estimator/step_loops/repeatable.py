"""Which part of a graph is a step, and whether a loop may repeat it.

A loop has a copy of the step's operations. A copy shares the state that lies in resources, such
as variables, tables and the dataset's iterator, but not what an operation keeps to itself: a
random operation's copy would draw its first numbers again.

Private names, seen on 2.16 to 2.21: `tensorflow.python.framework.op_def_registry`,
`tf.DType._is_ref_dtype`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

__all__ = ["NotRepeatableError", "StepGraph", "find_step"]

_HARMLESS = ("Assert", "VarHandleOp")
"""Operations that TensorFlow counts as stateful but keep nothing from run to run."""


class NotRepeatableError(Exception):
    """A step that a loop would not run as the session does; says why."""


@dataclasses.dataclass(frozen=True)
class StepGraph:
    """The part of a graph that a step runs.

    Attributes:
        definition: its operations, without those that make what lasts longer than a step.
        resources: handles of that, which the operations take.
    """

    definition: Any
    resources: Sequence[tf.Tensor]


def find_step(graph: tf.Graph, fetches: Iterable[Any]) -> StepGraph:
    """The operations that a step runs.

    Args:
        graph: of a training, with one global step.
        fetches: tensors and operations.

    Raises:
        NotRepeatableError: if a loop may not repeat them.
    """
    operations: set[tf.Operation] = set()
    resources: dict[Any, tf.Tensor] = {}
    ahead = [getattr(fetch, "op", fetch) for fetch in fetches]
    while ahead:
        operation = ahead.pop()
        if operation in operations:
            continue
        operations.add(operation)
        for tensor in operation.inputs:
            if _lasts(tensor.op):
                resources[tensor.ref()] = tensor
            else:
                ahead.append(tensor.op)
        ahead += [before for before in operation.control_inputs if not _lasts(before)]
    for operation in operations:
        if any(tensor.dtype._is_ref_dtype for tensor in operation.outputs):
            raise NotRepeatableError(f"{operation.name} is no resource variable")
    definition = _definition(graph.as_graph_def(), {operation.name for operation in operations})
    _check_states(definition.node, definition.library)
    _check_global_step(graph, operations)
    return StepGraph(definition, [*resources.values()])


def _lasts(operation: tf.Operation) -> bool:
    """Whether an operation makes a resource that is there in every step.

    Handles of variables are copied instead: what is known of their shapes would be lost.
    """
    if not any(output.dtype == tf.resource for output in operation.outputs):
        return False
    named = {attribute.name for attribute in operation.op_def.attr}
    if "shared_name" not in named or operation.inputs:
        return False
    return operation.type != "VarHandleOp" or not operation.get_attr("shared_name")


def _definition(graph_def: Any, names: set[str]) -> Any:
    step = tf.compat.v1.GraphDef(versions=graph_def.versions, library=graph_def.library)
    for node in graph_def.node:
        if node.name in names:
            # Both may name operations that are no part of the step.
            node.attr.pop("_class", None)
            waits_for = [name for name in node.input if name[:1] != "^" or name[1:] in names]
            del node.input[:]
            node.input.extend(waits_for)
            step.node.append(node)
    return step


def _check_states(nodes: Iterable[Any], library: Any) -> None:
    """Looks for a state outside of resources, in the functions that are called too."""
    functions = {function.signature.name: function for function in library.function}
    ahead = [*nodes]
    seen: set[str] = set()
    while ahead:
        node = ahead.pop()
        called = _called(node, functions)
        if not called:
            _check_state(node)
        for name in called - seen:
            seen.add(name)
            if name not in functions:
                raise NotRepeatableError(f"the function {name} is not in the graph")
            ahead += functions[name].node_def


def _called(node: Any, functions: Mapping[str, Any]) -> set[str]:
    """The functions that an operation calls."""
    if node.op in functions:
        return {node.op}
    return {
        function.name
        for value in node.attr.values()
        for function in (value.func, *value.list.func)
        if function.name
    }


def _check_state(node: Any) -> None:
    op_def = op_def_registry.get(node.op)
    if not op_def.is_stateful or op_def.name in _HARMLESS:
        return
    if not any(argument.type == tf.resource.as_datatype_enum for argument in op_def.input_arg):
        raise NotRepeatableError(f"{node.name} ({node.op}) keeps a state of its own")


def _check_global_step(graph: tf.Graph, operations: set[tf.Operation]) -> None:
    """By the global step, hooks are known to have nothing to do: it has to count the steps."""
    handle = getattr(tf.compat.v1.train.get_global_step(graph), "handle", None)
    if handle is None:
        raise NotRepeatableError("the global step is no resource variable")
    users = [user for user in handle.consumers() if user in operations]
    changing = [user for user in users if user.type != "ReadVariableOp"]
    if [user.type for user in changing] != ["AssignAddVariableOp"]:
        raise NotRepeatableError("the global step is not counted by one operation")
    added = tf.get_static_value(changing[0].inputs[1])
    if added is None or int(added) != 1:
        raise NotRepeatableError("the global step does not grow by one a step")
