"""The loop over a step, as an operation of the step's graph.

What the steps come to is written into variables that the graph's collections do not know: a step
that fails, or finds no more data, would take the loop's own values with it. The graph that is
written for users is without all of it.

The step is a function that runs on its own, not a part of the loop's body: TensorFlow then
chooses the same kernels for it as for the graph, oneDNN's among them, and so the same results.

Private name, seen on 2.16 to 2.21: `tf.Graph._unsafe_unfinalize`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfx_estimators.estimator.step_loops.repeatable import NotRepeatableError, StepGraph, find_step
from tfx_estimators.estimator.step_loops.skippable_hooks import MOST_STEPS

__all__ = ["LoopedSteps", "StepLoop"]

_SCOPE = "several_steps"

_CONFIG = tf.compat.v1.ConfigProto(
    graph_options={"rewrite_options": {"disable_meta_optimizer": True}}
).SerializeToString()
"""The step was optimized with the graph. Once more, and TensorFlow would join operations that it
keeps apart in the graph: sums would be rounded in another way."""


class LoopedSteps(NamedTuple):
    """Steps that a loop has run.

    Attributes:
        done: how many ended.
        values: of each tensor asked for, in the order of the steps; shape [done].
        error: what ended the loop in the step after them.
    """

    done: int
    values: list[np.ndarray[Any, Any]]
    error: tf.errors.OpError | None


class StepLoop:
    """Runs steps of a training until as many as wished are done, or one gives NaN.

    Args:
        graph: the training's, which may be finalized.
        train_op: what a step runs.
        values: scalars of that graph, to be known of every step.

    Raises:
        NotRepeatableError: if a loop would not run the step as the session does.
    """

    def __init__(self, graph: tf.Graph, train_op: Any, values: Sequence[tf.Tensor]) -> None:
        for value in values:
            if value.shape.num_elements() != 1:
                raise NotRepeatableError(f"{value.name} is no scalar")
        step = find_step(graph, [train_op, *values])
        there = len(graph.get_operations())
        graph._unsafe_unfinalize()
        try:
            with graph.as_default(), tf.control_dependencies(None), tf.name_scope(_SCOPE):
                self._build(step, _operation(train_op).name, values)
        finally:
            graph.finalize()
            _hide(graph, graph.get_operations()[there:], step.definition.library.function)

    def run(self, session: tf.compat.v1.Session, most: int) -> LoopedSteps:
        """Runs steps.

        Args:
            session: over the graph.
            most: how many, at most `MOST_STEPS`; fewer run if one gives NaN or an error.
        """
        error = None
        try:
            session.run(self._loop, {self._last: most})
        except tf.errors.OpError as raised:
            error = _as_in_a_step(raised)
        done, values = session.run((self._done, self._values))
        return LoopedSteps(int(done), [value[:done] for value in values], error)

    def _build(self, step: StepGraph, train_op: str, values: Sequence[tf.Tensor]) -> None:
        ops = tf.raw_ops
        done = ops.VarHandleOp(dtype=tf.int32, shape=[], shared_name=f"{_SCOPE}/done")
        records = [
            ops.VarHandleOp(
                dtype=value.dtype, shape=[MOST_STEPS], shared_name=f"{_SCOPE}/value_{number}"
            )
            for number, value in enumerate(values)
        ]
        reset = [ops.AssignVariableOp(resource=done, value=0)]
        reset += [
            ops.AssignVariableOp(resource=record, value=tf.zeros([MOST_STEPS], value.dtype))
            for record, value in zip(records, values, strict=True)
        ]
        self._last = tf.compat.v1.placeholder(tf.int32, [])
        with tf.control_dependencies(reset):
            self._loop = _loop(
                _step_function(step, train_op, [value.name for value in values]),
                self._last,
                [done, *records, *step.resources],
            )
        self._done = ops.ReadVariableOp(resource=done, dtype=tf.int32)
        self._values = [
            ops.ReadVariableOp(resource=record, dtype=value.dtype)
            for record, value in zip(records, values, strict=True)
        ]


def _step_function(step: StepGraph, train_op: str, values: Sequence[str]) -> Any:
    """A function that runs a step, and says whether it gave NaN.

    Its arguments are the number of the step, int32, and the handles of where its number and each
    value are written and of the step's resources.
    """

    def run(number: Any, done: Any, *handles: Any) -> Any:
        records, resources = handles[: len(values)], handles[len(values) :]
        *made, trained = tf.graph_util.import_graph_def(
            step.definition,
            input_map={
                outside.name: inside
                for outside, inside in zip(step.resources, resources, strict=True)
            },
            return_elements=[*values, train_op],
            # Errors name the operations as they are called in the graph.
            name="",
        )
        scalars = [tf.reshape(value, []) for value in made]
        with tf.control_dependencies([trained]):
            written = [
                tf.raw_ops.ResourceScatterUpdate(resource=record, indices=number, updates=value)
                for record, value in zip(records, scalars, strict=True)
            ]
        with tf.control_dependencies([trained, *written]):
            ended = tf.raw_ops.AssignVariableOp(resource=done, value=number + 1)
        nans = [tf.math.is_nan(value) for value in scalars if value.dtype.is_floating]
        with tf.control_dependencies([ended]):
            return tf.reduce_any([False, *nans])

    handles = 1 + len(values) + len(step.resources)
    return tf.compat.v1.wrap_function(run, _arguments(tf.int32, *[tf.resource] * handles))


def _loop(step: Any, last: tf.Tensor, handles: Sequence[tf.Tensor]) -> tf.Operation:
    """Runs a step function with the numbers from 0 to `last`, excluded, unless one says True."""

    def body(number: Any, last: Any, nan: Any, *handles: Any) -> Any:
        (nan,) = tf.raw_ops.StatefulPartitionedCall(
            args=[number, *handles], Tout=[tf.bool], f=step, config_proto=_CONFIG
        )
        return [number + 1, tf.identity(last), tf.reshape(nan, []), *map(tf.identity, handles)]

    def goes_on(number: Any, last: Any, nan: Any, *handles: Any) -> Any:
        return tf.logical_and(number < last, tf.logical_not(nan))

    state = _arguments(tf.int32, tf.int32, tf.bool, *[tf.resource] * len(handles))
    outputs = tf.raw_ops.While(
        input=[0, last, False, *handles],
        cond=tf.compat.v1.wrap_function(goes_on, state),
        body=tf.compat.v1.wrap_function(body, state),
        output_shapes=[[]] * len(state),
    )
    return outputs[0].op


def _arguments(*dtypes: Any) -> list[tf.TensorSpec]:
    # Names that a step's own operations do not have.
    return [
        tf.TensorSpec([], dtype, name=f"{_SCOPE}_{number}") for number, dtype in enumerate(dtypes)
    ]


def _as_in_a_step(error: tf.errors.OpError) -> tf.errors.OpError:
    """The error without the lines about the loop."""
    message = error.message.removesuffix(f"\n\t [[{_SCOPE}/While]]")
    message = message.removesuffix("\n\t [[StatefulPartitionedCall]]")
    return type(error)(error.node_def, error.op, message)


def _operation(fetch: Any) -> Any:
    return getattr(fetch, "op", fetch)


def _hide(graph: tf.Graph, operations: Sequence[tf.Operation], functions: Sequence[Any]) -> None:
    """Has the graph written without these operations, and with these functions only."""
    names = {operation.name for operation in operations}
    known = {function.signature.name for function in functions}
    make = graph.as_graph_def

    @functools.wraps(make)
    def as_graph_def(*args: Any, **kwargs: Any) -> Any:
        graph_def = make(*args, **kwargs)
        _drop(graph_def.node, lambda node: node.name in names)
        _drop(graph_def.library.function, lambda function: function.signature.name not in known)
        return graph_def

    graph.as_graph_def = as_graph_def


def _drop(items: Any, unwanted: Callable[[Any], bool]) -> None:
    for number in reversed(range(len(items))):
        if unwanted(items[number]):
            del items[number]
