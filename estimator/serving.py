"""Serving input receivers: serialized raw tf.Examples through a transform function."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import tensorflow as tf

__all__ = ["EXAMPLES", "make_serving_input_receiver_fn"]

EXAMPLES = "examples"
"""Name of the receiver's only input; the `predict` signature has it too."""


def make_serving_input_receiver_fn(
    raw_feature_spec: Mapping[str, Any],
    transform: Callable[[dict[str, Any]], Mapping[str, Any]],
    features: Collection[str],
) -> Callable[[], Any]:
    """Makes a `serving_input_receiver_fn` for `Estimator.export_saved_model`.

    Args:
        raw_feature_spec: what to parse from the raw examples, as
            `tf.io.parse_example` takes it, without the label.
        transform: raw features -> transformed features; called once, in the v1 graph
            that is exported, where it may create tables and assets.
        features: the transformed features that the model reads; the rest is not
            exported.

    Returns:
        A function that returns a `ServingInputReceiver` whose only receiver tensor is
        "examples": string, shape [batch].

    Raises (the function):
        KeyError: if `transform` returns no such feature.
    """

    def serving_input_receiver_fn() -> Any:
        from tfx_estimators.estimator import export

        records = tf.compat.v1.placeholder(tf.string, shape=[None], name=EXAMPLES)
        transformed = transform(tf.io.parse_example(records, dict(raw_feature_spec)))
        wanted = {name: transformed[name] for name in sorted(features)}
        return export.ServingInputReceiver(wanted, {EXAMPLES: records})

    return serving_input_receiver_fn
