"""The columns against the schema and the disk, before any example is read."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection, Mapping
from typing import Any

import tensorflow as tf

from tfx_estimators.errors import ColumnError, FeatureDtypeError, FeatureNotFoundError
from tfx_estimators.estimator.columns.inputs import ColumnInput
from tfx_estimators.estimator.columns.nests import flatten
from tfx_estimators.estimator.columns.plan import ColumnPlan
from tfx_estimators.estimator.columns.tensorflow_columns import VocabularyFileCategoricalColumn

__all__ = ["check_inputs", "check_vocabulary_files", "optional_where_defaulted"]


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


def optional_where_defaulted(
    schema: Any, inputs: Collection[ColumnInput], strict: Collection[str]
) -> Any:
    """The schema with those features optional for which columns have a default.

    A feature that the schema requires is parsed as such, and an example without it fails
    before a column's default is reached.

    Args:
        schema: `schema_pb2.Schema` of the raw examples.
        inputs: what the columns read.
        strict: features that something else reads, in the form that the schema gives them.

    Returns:
        a changed copy; the schema itself where it gives features other forms than its own.
    """
    if schema.tensor_representation_group:
        return schema
    defaulted = {i.key for i in inputs if i.has_default} - set(strict)
    defaulted -= {i.key for i in inputs if i.required}
    changed = type(schema)()
    changed.CopyFrom(schema)
    for feature in changed.feature:
        if feature.name in defaulted:
            feature.ClearField("shape")
            feature.presence.ClearField("min_fraction")
    return changed


def check_vocabulary_files(plan: ColumnPlan) -> None:
    """Checks that vocabulary files are there, and each entry in them once.

    TensorFlow looks itself, but not where a column's `vocabulary_size` is given, and for
    entries only once the table is made.

    Args:
        plan: the compiled columns.

    Raises:
        ColumnError: if a file is missing, has too few lines or a line twice.
    """
    parts = [part for _, column in flatten(plan.columns) for part in plan.parts(column)]
    for column in dict.fromkeys(parts):
        if not isinstance(column, VocabularyFileCategoricalColumn):
            continue
        reads = f"column {column.name!r} reads the vocabulary file {column.vocabulary_file}"
        if not tf.io.gfile.exists(column.vocabulary_file):
            raise ColumnError(
                f"{reads}, which does not exist",
                expected="a text file, one entry per line",
                fix="correct the path; where steps run on other machines, put the file "
                "where all of them can read it",
            )
        _check_entries(column, reads)


def _check_entries(column: Any, reads: str) -> None:
    lines: dict[Any, int] = {}
    with tf.io.gfile.GFile(column.vocabulary_file, "rb") as file:
        for number, line in enumerate(itertools.islice(file, column.vocabulary_size), start=1):
            entry: Any = line.rstrip(b"\n").replace(b"\r", b"")  # As TensorFlow reads it.
            if column.dtype != tf.string:
                entry = _as_integer(entry)
            if entry in lines:
                raise ColumnError(
                    f"{reads}, whose line {number} is the same as line {lines[entry]}: "
                    f"{line.rstrip().decode('utf-8', 'backslashreplace')!r}",
                    expected="every entry once: its line's number is its id",
                    fix=f"remove line {number} and give the column the new vocabulary_size",
                )
            lines[entry] = number
    if len(lines) < (column.vocabulary_size or 0):
        raise ColumnError(
            f"{reads}, which has {len(lines)} lines",
            expected=f"vocabulary_size={column.vocabulary_size} lines or more",
            fix="correct vocabulary_size, or leave it out",
        )


def _as_integer(entry: bytes) -> Any:
    try:
        return int(entry)
    except ValueError:
        return entry  # TensorFlow says what is wrong with it.
