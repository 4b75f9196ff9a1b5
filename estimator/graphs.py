"""What is computed from what in a TensorFlow graph, and what stops one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

__all__ = ["inputs_of", "stop_unless"]


def inputs_of(outputs: Any, inputs: Mapping[str, Any]) -> list[str]:
    """Names of the inputs that outputs are computed from.

    Args:
        outputs: nest of tensors of one graph, composite ones too; anything else is passed over.
        inputs: name -> tensor or composite tensor of that graph.
    """
    names = {
        part.ref(): name
        for name, tensor in inputs.items()
        for part in tf.nest.flatten(tensor, expand_composites=True)
    }
    found: set[str] = set()
    seen: set[Any] = set()
    ahead = [t for t in tf.nest.flatten(outputs, expand_composites=True) if hasattr(t, "op")]
    while ahead:
        tensor = ahead.pop()
        if tensor.ref() in names:
            found.add(names[tensor.ref()])
        if tensor.op in seen:
            continue
        seen.add(tensor.op)
        ahead += tensor.op.inputs
        ahead += [t for before in tensor.op.control_inputs for t in before.outputs]
    return sorted(found)


def stop_unless(holds: Any, data: Sequence[Any]) -> Any:
    """An operation that stops the graph with the data in its error, unless something holds.

    `tf.debugging.Assert` makes two functions more, for whether it holds or not. Each is
    traced, written and loaded wherever the graph is, which costs more than a column's own part.

    Args:
        holds: bool scalar.
        data: tensors, or what TensorFlow makes them of.

    Returns:
        the operation; None where operations run at once.
    """
    return tf.raw_ops.Assert(condition=holds, data=list(data))
