"""From a label column to the numbers that a head's metrics take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfx_estimators.components.heads import Head, Kind
from tfx_estimators.errors import DataError, LabelError

__all__ = ["dense", "head_labels"]

Rows = Sequence[Sequence[Any]]


def head_labels(rows: Rows, key: str, head: Head, classes: Any, width: int, fixed: Any) -> Any:
    """The labels of some examples as a head has them.

    Args:
        rows: the column's values, a list an example.
        key: the column's name.
        head: the head.
        classes: names of the classes in order, bytes; None where the model has none.
        width: how many values the head predicts an example.
        fixed: whether every example has the same number of values, as the schema or the
            transform says; None where nobody does.

    Returns:
        [examples, values]: numbers of classes for a classifier, a 0 or 1 for each class of a
        multi-label head, the numbers themselves for a regression.

    Raises:
        LabelError: if a label is missing, is no class, or cannot be read one way only.
    """
    if head.kind is Kind.MULTI_LABEL:
        return _indicators(rows, key, classes, width, fixed)
    labels = dense(rows, key, LabelError)
    if labels.dtype.kind in "SUO":
        return _looked_up(labels, key, classes)
    if head.kind in (Kind.BINARY, Kind.MULTI_CLASS):
        _check_numbers(labels, key, classes)
    return labels


def dense(rows: Rows, key: str, error: type[DataError]) -> Any:
    """A column as an array [examples, values].

    Raises:
        DataError: of the type `error`, if values are missing or NaN, or vary in number.
    """
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or lengths == {0}:
        missing = sum(not row for row in rows)
        what = f"is missing in {missing} of {len(rows)}" if missing else "varies in length over"
        raise error(
            f"the column {key!r} {what} examples",
            expected="the same number of values in every example",
            fix="give it a default in preprocessing_fn, or drop such examples",
        )
    values = np.array(rows)
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise error(
            f"the column {key!r} is NaN in {int(np.isnan(values).any(axis=1).sum())} of "
            f"{len(rows)} examples",
            expected="a number in every example",
            fix="give it a default in preprocessing_fn, or drop such examples",
        )
    return values


def _looked_up(labels: Any, key: str, classes: Any) -> Any:
    if classes is None:
        raise LabelError(
            f"the label {key!r} is a string, and the model does not name its classes",
            expected="a number, or a signature with the output all_classes",
            fix="make a numeric label in preprocessing_fn and pass transform_graph",
        )
    found = classes[None, :] == labels
    unknown = labels[~found.any(axis=1)]
    if len(unknown):
        raise _no_class(unknown[0, 0], key, classes)
    return found.argmax(axis=1).reshape(-1, 1)


def _check_numbers(labels: Any, key: str, classes: Any) -> None:
    """A number is that of a class, unless the classes are numbers in another order."""
    if classes is None or all(name == b"%d" % at for at, name in enumerate(classes)):
        return
    if all(name.strip().lstrip(b"-").isdigit() for name in classes):
        shown = ", ".join(name.decode() for name in classes[:10])
        raise LabelError(
            f"the label {key!r} is a number such as {labels.flat[0]:g}, and the model's classes "
            f"are the strings {shown}: it could be a class, or an index into this list",
            expected="a label that is a string, as label_vocabulary has it",
            fix="make it a string in preprocessing_fn (tf.strings.as_string) and pass "
            "transform_graph",
        )


def _indicators(rows: Rows, key: str, classes: Any, width: int, fixed: Any) -> Any:
    """A 0 or 1 for each class, from those or from the classes of each example."""
    values = [value for row in rows for value in row]
    if any(isinstance(value, (str, bytes)) for value in values):
        places = {name: at for at, name in enumerate(classes if classes is not None else ())}
        unknown = [value for value in values if value not in places]
        if unknown:
            raise _no_class(unknown[0], key, places)
        return _ones([[places[value] for value in row] for row in rows], width)
    flags = all(value in (0, 1) for value in values)
    if fixed is None and flags and width == 2:
        # [0, 1] may be the second class, or both of them.
        lengths = {len(row) for row in rows}
        fixed = False if lengths != {2} else any(row[0] == row[1] for row in rows) or None
        if fixed is None:
            raise LabelError(
                f"the label {key!r} has two values in every example: they could be a 0 or 1 for "
                "each of the two classes, or the numbers of both",
                expected="a schema with the label's shape, or a label of the transform",
                fix="pass schema, made by SchemaGen(infer_feature_shape=True), or transform_graph",
            )
    if fixed or (fixed is None and flags and any(len(row) == width for row in rows)):
        labels = dense(rows, key, LabelError)
        if labels.shape[1] != width or not flags:
            raise LabelError(
                f"the label {key!r} has {labels.shape[1]} values such as {labels[0].tolist()}",
                expected=f"a 0 or 1 for each of the model's {width} classes",
                fix="correct n_classes, or the label in preprocessing_fn",
            )
        return labels
    wrong = [value for value in values if value != int(value) or not 0 <= value < width]
    if wrong:
        raise LabelError(
            f"a label is {wrong[0]}, and the model knows {width} classes",
            expected=f"numbers from 0 to {width - 1}, one for each class that an example has",
            fix="correct n_classes, or the label in preprocessing_fn",
        )
    return _ones(rows, width)


def _ones(places: Rows, width: int) -> Any:
    labels = np.zeros((len(places), width), np.int64)
    for row, own in enumerate(places):
        labels[row, [int(at) for at in own]] = 1
    return labels


def _no_class(value: Any, key: str, classes: Any) -> LabelError:
    shown = ", ".join(map(repr, list(classes)[:20])) or "none that it names"
    return LabelError(
        f"the label {key!r} is {value!r} in an example",
        expected=f"one of the model's classes: {shown}",
        fix="correct label_vocabulary, or drop such examples",
    )
