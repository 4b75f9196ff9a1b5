"""What joins one node to another, and what of it TFX's Kubeflow compiler does not take.

It would raise errors of its own, most of them without the node's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["wiring_problems"]

_VALUES = ("Integer", "String", "Boolean")
_ON_LOCAL = "which the local runner supports and this compiler does not"
# What `placeholder_to_cel` writes as an expression; TFX 1.15.1 to 1.21.0.
_IN_CONDITIONS = frozenset(
    (
        "index_op",
        "artifact_property_op",
        "artifact_uri_op",
        "concat_op",
        "compare_op",
        "unary_logical_op",
        "binary_logical_op",
    )
)


def wiring_problems(node: Any, registry: Any) -> Iterator[tuple[str, str]]:
    """Looks at a node's values, artifact types and conditions.

    Args:
        node: a component or importer.
        registry: the pipeline's `dsl_context_registry`.

    Yields:
        what is wrong, and what to do instead.
    """
    for key, channel in node.outputs.items():
        yield from _of_type(key, channel)
    for name, value in node.exec_properties.items():
        yield from _of_value(name, value)
    yield from _of_conditions(node, registry)


def _of_type(key: str, channel: Any) -> Iterator[tuple[str, str]]:
    from tfx.orchestration.kubeflow.v2 import compiler_utils

    try:
        compiler_utils.build_output_artifact_spec(channel)
    except (ValueError, KeyError, TypeError) as error:
        yield (
            f"its output {key} is of the type {channel.type.TYPE_NAME}, which cannot be compiled: "
            f"{error}",
            "give the type an importable dotted path as TYPE_NAME, and custom properties only",
        )


def _of_value(name: str, value: Any) -> Iterator[tuple[str, str]]:
    from tfx.dsl.placeholder import placeholder
    from tfx.types import channel_utils

    if not isinstance(value, placeholder.Placeholder):
        return
    try:
        channel = channel_utils.unwrap_simple_channel_placeholder(value)
    except ValueError:
        yield (
            f"{name} is an expression over other nodes' outputs, {_ON_LOCAL}",
            "pass node.outputs[KEY].future()[0].value alone, and compute in the step",
        )
        return
    if channel.type.TYPE_NAME not in _VALUES:
        yield (
            f"{name} is the value of a {channel.type.TYPE_NAME}, {_ON_LOCAL}",
            f"pass it as one of {', '.join(_VALUES)}: a number can be passed as text",
        )


def _of_conditions(node: Any, registry: Any) -> Iterator[tuple[str, str]]:
    from tfx.dsl.experimental.conditionals import conditional
    from tfx.types import channel_utils

    for predicate in conditional.get_predicates(node, registry):
        encoded = channel_utils.encode_placeholder_with_channels(predicate, lambda channel: "key")
        unknown = sorted(set(_operators(encoded)) - _IN_CONDITIONS)
        if "artifact_value_op" in unknown:
            yield (
                f"it runs under a condition on the value of an artifact, {_ON_LOCAL}",
                "ask a property of the artifact: .future()[0].property(NAME), or decide in the "
                "step",
            )
        elif unknown:
            yield (
                f"it runs under a condition with {', '.join(unknown)}, {_ON_LOCAL}",
                "compare a property of an artifact with text or a number",
            )


def _operators(expression: Any) -> Iterator[str]:
    """The kinds of operators in a PlaceholderExpression."""
    from google.protobuf.message import Message

    kind = expression.operator.WhichOneof("operator_type")
    if kind is None:
        return
    yield kind
    for _, value in getattr(expression.operator, kind).ListFields():
        for part in value if not isinstance(value, (str, bytes, int, float, Message)) else [value]:
            if isinstance(part, type(expression)):
                yield from _operators(part)
