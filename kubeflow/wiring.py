"""What joins one node to another, and what of it TFX's Kubeflow compiler does not take.

It would raise errors of its own, most of them without the node's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["ON_LOCAL", "wiring_problems"]

_VALUES = ("Integer", "String", "Boolean")
ON_LOCAL = "which the local runner supports and this compiler does not"
"""Ends the sentence of a problem that is TFX's compiler's."""

_JSONABLE = '"__tfx_object_type__": "jsonable"'
# `placeholder_to_cel` puts text between single quotes, as it is; TFX 1.15.1 to 1.21.0.
_UNQUOTABLE = frozenset("'\\\n\r")
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
    for key, channel in node.inputs.items():
        yield from _of_input(key, channel)
    for key, channel in node.outputs.items():
        yield from _of_type(key, channel)
    for name, value in node.exec_properties.items():
        yield from _of_value(name, value)
        yield from _of_parameters_within(name, value)
    yield from _of_conditions(node, registry)


def _of_input(key: str, channel: Any) -> Iterator[tuple[str, str]]:
    from tfx.types.channel import Channel

    if not isinstance(channel, Channel):
        yield (
            f"its input {key} is a {type(channel).__name__}, {ON_LOCAL}",
            "give it one output of one node; a step of your own can merge several",
        )


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
    from tfx.dsl.components.common.importer import Importer
    from tfx.dsl.placeholder import placeholder
    from tfx.types import channel_utils

    if not isinstance(value, placeholder.Placeholder):
        return
    try:
        channel = channel_utils.unwrap_simple_channel_placeholder(value)
    except ValueError:
        yield (
            f"{name} is a {type(value).__name__}, {ON_LOCAL}",
            "pass a plain value, or node.outputs[KEY].future()[0].value alone, and compute in the "
            "step",
        )
        return
    if channel.type.TYPE_NAME not in _VALUES:
        yield (
            f"{name} is the value of a {channel.type.TYPE_NAME}, {ON_LOCAL}",
            f"pass it as one of {', '.join(_VALUES)}: a number can be passed as text",
        )
    if isinstance(getattr(channel, "producer_component", None), Importer):
        yield (
            f"{name} is the value of what {channel.producer_component_id} imports, which the "
            "backend's importer does not read",
            "give the step the artifact as an input",
        )


def _of_parameters_within(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A runtime parameter inside another value would never be replaced."""
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.utils import json_utils

    if isinstance(value, RuntimeParameter):
        return
    text = value if isinstance(value, str) else ""
    if isinstance(value, (list, tuple, dict)):
        try:
            text = json_utils.dumps(value)
        except TypeError as error:
            yield f"{name} cannot be written as JSON: {error}", "pass plain values, or text"
    if _JSONABLE in text and f'"{RuntimeParameter.__name__}"' in text:
        yield (
            f"{name} has a RuntimeParameter inside another value, where it would stay as it is",
            "pass the whole value as one RuntimeParameter of text",
        )


def _of_conditions(node: Any, registry: Any) -> Iterator[tuple[str, str]]:
    from tfx.dsl.components.common.importer import Importer
    from tfx.dsl.experimental.conditionals import conditional
    from tfx.types import channel_utils

    predicates = conditional.get_predicates(node, registry)
    if predicates and isinstance(node, Importer):
        yield (
            "an Importer under a condition, which the backend refuses",
            "put it before the condition: it only notes where the artifact is",
        )
        return
    for predicate in predicates:
        encoded = channel_utils.encode_placeholder_with_channels(predicate, lambda channel: "key")
        unknown = sorted(set(_operators(encoded)) - _IN_CONDITIONS)
        if "artifact_value_op" in unknown:
            yield (
                f"it runs under a condition on the value of an artifact, {ON_LOCAL}",
                "ask a property of the artifact: .future()[0].property(NAME), or decide in the "
                "step",
            )
        elif unknown:
            yield (
                f"it runs under a condition with {', '.join(unknown)}, {ON_LOCAL}",
                "compare a property of an artifact with text or a number",
            )
        for text in _texts(encoded):
            if _UNQUOTABLE.intersection(text):
                yield (
                    f"it runs under a condition with {text!r}, in which the compiler does not "
                    "escape quotes, backslashes and line ends",
                    "compare with plain text",
                )


def _texts(expression: Any) -> Iterator[str]:
    """The text constants in a PlaceholderExpression."""
    if expression.value.string_value:
        yield expression.value.string_value
    for part in _parts(expression):
        yield from _texts(part)


def _operators(expression: Any) -> Iterator[str]:
    """The kinds of operators in a PlaceholderExpression."""
    kind = expression.operator.WhichOneof("operator_type")
    if kind is None:
        return
    yield kind
    for part in _parts(expression):
        yield from _operators(part)


def _parts(expression: Any) -> Iterator[Any]:
    """The PlaceholderExpressions that the operator of one is about."""
    from google.protobuf.message import Message

    kind = expression.operator.WhichOneof("operator_type")
    for _, value in getattr(expression.operator, kind).ListFields() if kind else ():
        for part in value if not isinstance(value, (str, bytes, int, float, Message)) else [value]:
            if isinstance(part, type(expression)):
                yield part
