"""The columns against the schema and the disk, before any example is read."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

import tensorflow as tf

from tfx_estimators.errors import ColumnError, FeatureDtypeError, FeatureNotFoundError
from tfx_estimators.estimator.columns.inputs import ColumnInput
from tfx_estimators.estimator.columns.nests import flatten
from tfx_estimators.estimator.columns.plan import ColumnPlan
from tfx_estimators.estimator.columns.tensorflow_columns import VocabularyFileCategoricalColumn

__all__ = ["check_inputs", "check_vocabulary_files"]


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


def check_vocabulary_files(plan: ColumnPlan) -> None:
    """Checks that vocabulary files are there.

    TensorFlow looks itself, but not where a column's `vocabulary_size` is given.

    Args:
        plan: the compiled columns.

    Raises:
        ColumnError: if a file is missing.
    """
    for _, column in flatten(plan.columns):
        for part in plan.parts(column):
            if isinstance(part, VocabularyFileCategoricalColumn) and not tf.io.gfile.exists(
                part.vocabulary_file
            ):
                raise ColumnError(
                    f"column {part.name!r} reads the vocabulary file {part.vocabulary_file}, "
                    "which does not exist",
                    expected="a text file, one entry a line",
                    fix="correct the path; where steps run on other machines, put the file "
                    "where all of them can read it",
                )
