"""Columns in words that can be compared between processes."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import tensorflow as tf

from tfx_estimators.estimator.columns import tensorflow_columns as tfc

__all__ = ["describe"]

# Longer sequences (vocabularies) are told apart by a digest.
_LONGEST_LISTED = 20


def describe(value: Any) -> Any:
    """JSON of a column or one of its arguments, such that equal ones compute the same."""
    if isinstance(value, tfc.FeatureColumn):
        # Every column is a named tuple; one of a user's own may not be.
        fields = {name: describe(getattr(value, name)) for name in getattr(value, "_fields", ())}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, tf.DType):
        return value.name
    if isinstance(value, (tuple, list)):
        if len(value) <= _LONGEST_LISTED:
            return [describe(item) for item in value]
        digest = hashlib.sha256(repr([describe(item) for item in value]).encode())
        return f"{len(value)} values, SHA-256 {digest.hexdigest()}"
    if callable(value):
        owner = getattr(value, "__module__", "")
        return f"{owner}.{getattr(value, '__qualname__', type(value).__name__)}"
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # JSON has no number for it.
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "item"):
        return describe(value.item())
    return type(value).__name__
