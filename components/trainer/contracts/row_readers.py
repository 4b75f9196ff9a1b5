"""Which variables of a graph have a row for each value of a column, and in which order.

Private name: `Variable._save_slice_info`, seen on TensorFlow 2.15, 2.16 and 2.21.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

__all__ = ["first_readers", "kernel_columns", "variable_name"]

# Operations that hand on a variable's value, or a part of it, or hold it together.
_HAND_ON = ("ReadVariableOp", "Identity", "Cast", "ConcatV2", "Enter", "Reshape")
_JOIN = ("ConcatV2", "Pack")
_PRODUCTS = ("MatMul", "BatchMatMulV2")


def variable_name(variable: Any) -> str:
    """A variable's name in a checkpoint; that of the whole where it is a part."""
    if (sliced := getattr(variable, "_save_slice_info", None)) is not None:
        return str(sliced.full_name)
    return str(variable.name.partition(":")[0])


def kernel_columns(variables: Sequence[Any], sizes: Mapping[str, int]) -> dict[str, list[str]]:
    """The columns that the rows of a dense layer's kernel belong to, in order.

    Args:
        variables: trainable variables of the graph.
        sizes: scope of a dense column -> number of its elements.

    Returns:
        name of a variable -> scopes, for those whose input is made of dense columns alone.
    """
    found: dict[str, list[str]] = {}
    for product, name in _products(variables):
        candidates = [_scopes(tensor, sizes) for tensor in _joined(product.inputs[0])]
        if (scopes := _in_order(candidates)) is not None:
            found[name] = scopes
    return found


def first_readers(features: Sequence[Any], variables: Sequence[Any]) -> set[str]:
    """Names of the variables that features meet first on their way through the graph.

    Args:
        features: `Tensor`s and `SparseTensor`s of the default graph.
        variables: to look for.
    """
    values = _values(variables)
    tensors = [t for feature in features for t in tf.nest.flatten(feature, expand_composites=True)]
    unmet = {tensor.ref() for tensor in tensors}
    met: set[Any] = set()
    found: set[str] = set()
    # In the order in which they were made: what an operation takes comes before it.
    for op in tf.compat.v1.get_default_graph().get_operations():
        inputs = {tensor.ref() for tensor in op.inputs}
        outputs = {tensor.ref() for tensor in op.outputs}
        names = {values[tensor] for tensor in inputs if tensor in values}
        if inputs & met:
            met |= outputs
            # Beside what has met a variable, a feature only says where that goes, unless the
            # two are joined.
            if op.type not in _JOIN:
                continue
        if not inputs & unmet:
            continue
        if names:
            found |= names
            met |= outputs
        else:
            unmet |= outputs
    return found


def _values(variables: Sequence[Any]) -> dict[Any, str]:
    """Every tensor that is a variable, or its value -> the variable's name."""
    values: dict[Any, str] = {}
    for variable in variables:
        handle = getattr(variable, "handle", None)
        ahead = [variable.op.outputs[0] if handle is None else handle]
        while ahead:
            tensor = ahead.pop()
            if tensor.ref() in values:
                continue
            values[tensor.ref()] = variable_name(variable)
            for op in tensor.consumers():
                if op.type in _HAND_ON:
                    ahead += op.outputs
    return values


def _products(variables: Sequence[Any]) -> Iterator[tuple[Any, str]]:
    values = _values(variables)
    for op in tf.compat.v1.get_default_graph().get_operations():
        if op.type in _PRODUCTS and op.inputs[1].ref() in values:
            yield op, values[op.inputs[1].ref()]


def _joined(tensor: Any) -> list[Any]:
    """The tensors that are joined to one."""
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    if tensor.op.type == "ConcatV2":
        return list(tensor.op.inputs)[:-1]
    return [tensor]


def _scopes(tensor: Any, sizes: Mapping[str, int]) -> list[str]:
    """The dense columns that a tensor may hold: TensorFlow makes it in the column's scope.

    It puts a number behind a scope that was there before.
    """
    scope = (tensor.op.name.split("/")[:-1] or [""])[-1]
    width = tensor.shape[-1] if tensor.shape.rank else None
    return [s for s in {scope, re.sub(r"_\d+$", "", scope)} if sizes.get(s) == width]


def _in_order(candidates: Sequence[Sequence[str]]) -> list[str] | None:
    """One of each, in the order of names that TensorFlow puts columns in.

    None where there is none, or more than one.
    """
    # By the last name: a choice that leads there, and how many do.
    ways: dict[str, tuple[list[str], int]] = {"": ([], 1)}
    for names in candidates:
        longer: dict[str, tuple[list[str], int]] = {}
        for name in names:
            before = [way for last, way in ways.items() if last < name]
            if before:
                longer[name] = ([*before[0][0], name], sum(count for _, count in before))
        ways = longer
    (only, count), *others = ways.values() or [([], 0)]
    return only if count == 1 and not others else None
