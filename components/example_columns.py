"""The features of tf.Examples as the columns of a table.

A batch of examples does not tell what the others hold: whether a feature occurs, whether it
has one value or several, whether all of its values are text. So the form of each column is
found over all batches first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfx_estimators.errors import FeatureDtypeError

__all__ = ["Form", "as_columns", "common_forms", "find_forms"]


@dataclasses.dataclass(frozen=True)
class Form:
    """What a feature's column holds.

    Attributes:
        type: of its values: int64, float32, large_string where all values are valid UTF-8,
            large_binary where some are not, or null where there is no value.
        is_single: whether no example has more than one value.
    """

    type: pa.DataType
    is_single: bool


def find_forms(batch: pa.RecordBatch) -> dict[str, Form]:
    """The form of each column of one batch.

    Args:
        batch: list columns, as `record_batches.DecodeRecords` makes them.
    """
    return {
        name: _form(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }


def common_forms(found: Iterable[Mapping[str, Form]]) -> dict[str, Form]:
    """The forms that the columns of several batches have together, in the names' order.

    Raises:
        FeatureDtypeError: if a feature is a number in one batch and text in another, or a
            whole number in one and a float in another.
    """
    forms: dict[str, Form] = {}
    for some in found:
        for name, form in some.items():
            before = forms.get(name, form)
            forms[name] = Form(
                _common_type(name, before.type, form.type), before.is_single and form.is_single
            )
    return dict(sorted(forms.items()))


def as_columns(batch: pa.RecordBatch, forms: Mapping[str, Form]) -> pa.RecordBatch:
    """A batch with all columns, each in its form.

    Args:
        batch: list columns; those that it lacks have no values.
        forms: from `common_forms`.

    Returns:
        plain columns where there is at most one value, and lists elsewhere. A missing value is
        a null.
    """
    columns = [_column(batch, name, form) for name, form in forms.items()]
    return pa.RecordBatch.from_arrays(columns, list(forms))


def _form(column: Any) -> Form:
    if pa.types.is_null(column.type) or pa.types.is_null(column.type.value_type):
        return Form(pa.null(), True)
    most = pc.max(pc.list_value_length(column)).as_py() or 0
    kind = column.type.value_type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        kind = pa.large_string() if _is_text(column.flatten()) else pa.large_binary()
    return Form(kind, most <= 1)


def _is_text(values: Any) -> bool:
    try:
        values.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _common_type(name: str, one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if {one, other} == {pa.large_string(), pa.large_binary()}:
        return pa.large_binary()
    raise FeatureDtypeError(
        f"the feature {name!r} holds {_said(one)} in some examples and {_said(other)} in others",
        expected="one type for each feature",
        fix="correct what writes the examples",
    )


def _said(kind: pa.DataType) -> str:
    names = {pa.int64(): "whole numbers", pa.float32(): "numbers"}
    return names.get(kind, "text")


def _column(batch: pa.RecordBatch, name: str, form: Form) -> Any:
    kind = form.type if form.is_single else pa.large_list(form.type)
    place = batch.schema.get_field_index(name)
    if place < 0 or pa.types.is_null(batch.column(place).type):
        return pa.nulls(batch.num_rows, kind)
    column = batch.column(place)
    if not form.is_single:
        return column.cast(kind)
    has_value = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False) > 0
    places = pa.array(np.cumsum(has_value) - 1, pa.int64(), mask=~has_value)
    return column.flatten().cast(form.type).take(places)
