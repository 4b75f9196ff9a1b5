"""Keras 3 variables in an estimator's graph: refused where they are made.

Keras 3 does not know TensorFlow 1 graphs. A `model_fn` that uses its layers can train, and
then neither restores its checkpoint nor has the gradients of all its variables.

Private package: `keras.src`, seen in Keras 3.12 to 3.15.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable
from typing import Any

from tfx_estimators.errors import EstimatorTypeError

__all__ = ["refused_keras_3_variables"]

_KERAS_3 = "keras.src"
_SOMETHING = object()  # A function of Keras 3 that is no method.


def refused_keras_3_variables() -> contextlib.AbstractContextManager[Any]:
    """A block in which no variable may be made by Keras 3.

    Raises:
        EstimatorTypeError: at the layer, optimizer or metric that makes one, from within.
    """
    import tensorflow as tf

    return tf.variable_creator_scope(_create)


def _create(next_creator: Callable[..., Any], **kwargs: Any) -> Any:
    maker = _keras_3_maker()
    if maker is not None:
        raise EstimatorTypeError(
            f"Keras 3 creates the variable {kwargs.get('name') or '?'!r}{_of(maker)} in a model_fn",
            expected="Keras 2: estimators train in TensorFlow 1 graphs, which Keras 3 cannot build",
            fix=f"use {_instead(maker)}, or tf.keras in a module that a component loads; in a "
            "script or notebook call tfx_estimators.estimator.activate(keras=2) first",
        )
    return next_creator(**kwargs)


def _of(maker: object) -> str:
    return "" if maker is _SOMETHING else f" of {type(maker).__name__}"


def _instead(maker: object) -> str:
    module = type(maker).__module__
    if module.startswith(f"{_KERAS_3}.optimizers"):
        # The optimizers that estimators take.
        return f"tf_keras.optimizers.legacy.{type(maker).__name__}"
    return "tf_keras"


def _keras_3_maker() -> object | None:
    """The Keras 3 object that is making a variable; None if none is."""
    frame: types.FrameType | None = sys._getframe(1)
    in_keras_3 = False
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        in_keras_3 = in_keras_3 or name.startswith(f"{_KERAS_3}.backend.")
        if in_keras_3 and not name.startswith(f"{_KERAS_3}.backend."):
            maker = frame.f_locals.get("self") if name.startswith(f"{_KERAS_3}.") else None
            return _SOMETHING if maker is None else maker
        frame = frame.f_back
    return None
