"""Errors from inside a Beam run, as the user should see them."""

from __future__ import annotations

import re

from tfx_estimators import errors
from tfx_estimators.errors import DataError, LabelError, TfxEstimatorsError

__all__ = ["explain"]

# What the assertions of `columns.inputs` and `preprocessing` say, as TensorFlow's
# errors quote it.
_ASSERTION = re.compile(
    r"assertion failed: \[((?:(?:numeric|identity|registered) column|the label|the weight) "
    r"[^\]]*)\]"
    r"(?: \[([^\]]*)\])?"
)
# One of our errors in the text of a traceback: its class, problem, expected and fix.
_OURS = re.compile(
    r"tfx_estimators\.errors\.(\w+): ([^\n]*(?:\n  (?:expected|fix): [^\n]*)*)", re.MULTILINE
)


def explain(error: BaseException) -> TfxEstimatorsError | None:
    """The error to raise for a failed Beam run.

    Runners wrap an error, or keep nothing of it but its text.

    Args:
        error: what running the pipeline raised.

    Returns:
        the first of our own errors behind it; or one made of an assertion of the
        transform graph; or None if it is neither.
    """
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, TfxEstimatorsError):
            plain = _without_stage(str(current))
            return current if plain == str(current) else type(current)(plain)
        current = current.__cause__ or current.__context__
    found = _ASSERTION.search(str(error))
    if found is None:
        return _quoted(str(error))
    if found[1].startswith("identity column"):
        return DataError(
            f"{found[1]} {found[2]}",
            expected="ids of the column, or -1 for a missing value",
            fix="raise num_buckets, give the column a default_value for ids out of range, or "
            "correct the data",
        )
    if found[1].startswith("registered column"):
        return DataError(
            f"{found[1]} {found[2]}",
            expected="ids below the column's num_buckets, or -1 for a missing value",
            fix="correct what the class computes, or the data",
        )
    if "has a value twice" in found[1]:
        return LabelError(
            found[1],
            expected="different class ids in an example, or a shape that makes it a vector",
            fix="infer the schema with infer_feature_shape=True where each example has as many "
            "values, or make the label in preprocessing_fn",
        )
    if found[1].startswith("the label"):
        return LabelError(
            found[1],
            expected="one label per example, or as many values as the schema's value_count or "
            "shape says",
            fix="correct label_key, drop examples without label, give the label a value_count in "
            "the schema, or make the label in preprocessing_fn",
        )
    if found[1].startswith("the weight"):
        return DataError(
            found[1],
            expected="one weight per example",
            fix="drop examples without weight, or make the weight in preprocessing_fn",
        )
    return DataError(
        found[1],
        expected="a value in every example, or a default_value",
        fix="give the column a default_value, or correct its shape",
    )


def _quoted(text: str) -> TfxEstimatorsError | None:
    # The last one: a traceback ends with the error that matters.
    for name, message in reversed(_OURS.findall(text)):
        if name in errors.__all__:
            return getattr(errors, name)(_without_stage(message))
    return None


def _without_stage(message: str) -> str:
    """Without the name of the stage, which Beam adds."""
    return message.partition(" [while running")[0]
