"""The columns against the schema, before any example is read."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

import tensorflow as tf

from tfx_estimators.errors import FeatureDtypeError, FeatureNotFoundError
from tfx_estimators.estimator.columns.inputs import ColumnInput

__all__ = ["check_inputs"]


def check_inputs(inputs: Collection[ColumnInput], raw: Mapping[str, Any]) -> None:
    """Checks that the raw features that columns read exist and can be read.

    Args:
        inputs: what the columns read.
        raw: raw feature -> its `tf.TypeSpec`, as TF Transform will present it.

    Raises:
        FeatureNotFoundError: with the nearest names, if a feature is not in the schema.
        FeatureDtypeError: if a column cannot read a feature's dtype.
    """
    for needed in inputs:
        if needed.key not in raw:
            near = difflib.get_close_matches(needed.key, list(raw), n=3)
            hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
            raise FeatureNotFoundError(
                f"column {needed.column!r} reads feature {needed.key!r}, "
                "which the schema does not have",
                expected=f"one of {', '.join(sorted(raw))}",
                fix=f"{hint}correct the column's key in feature_columns()",
            )
        dtype = raw[needed.key].dtype
        if dtype not in needed.dtypes:
            raise FeatureDtypeError(
                f"column {needed.column!r} cannot read feature {needed.key!r}, "
                f"which the schema says is {dtype.name}",
                expected=" or ".join(tf.as_dtype(d).name for d in needed.dtypes),
                fix="give the column that dtype, use another kind of column, or correct the schema",
            )
