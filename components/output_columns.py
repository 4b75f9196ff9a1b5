"""The columns that a model's outputs become: classes by name, and their probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tfx_estimators.components.heads import Head, Kind, find_heads
from tfx_estimators.components.saved_model import SignatureCall
from tfx_estimators.errors import DataError, UnsupportedOptionError

__all__ = ["beside", "output_columns", "outputs_of", "prediction_heads"]

_CLASSIFIERS = (Kind.BINARY, Kind.MULTI_CLASS)


def prediction_heads(signature: SignatureCall) -> tuple[Head, ...]:
    """What a signature predicts; where its outputs do not tell, each of them for itself."""
    names = signature.output_names
    try:
        return find_heads(names, dict(zip(names, signature.outputs, strict=True)))
    except UnsupportedOptionError:
        return tuple(Head(name, Kind.OTHER, name) for name in names)


def outputs_of(signature: SignatureCall, heads: Sequence[Head]) -> list[str]:
    """Names of the outputs that `output_columns` needs."""
    wanted = []
    for head in heads:
        names = [f"{_prefix(head)}{name}" for name in ("classes", "probabilities", "all_classes")]
        is_named = head.kind in _CLASSIFIERS and set(names) <= set(signature.output_names)
        wanted += names if is_named else [head.prediction, *filter(None, [head.classes])]
    return list(dict.fromkeys(wanted))


def output_columns(heads: Sequence[Head], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Predictions of some rows as columns.

    Args:
        heads: what the model predicts.
        outputs: arrays by output, [rows, ...], those that `outputs_of` names.

    Returns:
        Of a classifier `predicted_class` and a `probability_CLASS` for each class; of a
        multi-label head the latter; of a regression `prediction`, with a number where there
        are several. With several heads each name has that of its head in front.
    """
    columns: dict[str, Any] = {}
    for head in heads:
        prefix, before = _prefix(head), f"{head.name}_" if head.name else ""
        if head.kind in _CLASSIFIERS and f"{prefix}classes" in outputs:
            labels = outputs[f"{prefix}classes"].reshape(-1).tolist()
            columns[f"{before}predicted_class"] = pa.array(map(_name, labels), pa.string())
            classes = outputs[f"{prefix}all_classes"][0].tolist()
            values = outputs[f"{prefix}probabilities"]
            columns |= _by_class(before, classes, values)
        elif head.kind is Kind.MULTI_LABEL and head.classes in outputs:
            columns |= _by_class(
                before, outputs[head.classes][0].tolist(), outputs[head.prediction]
            )
        else:
            values = outputs[head.prediction].reshape(len(outputs[head.prediction]), -1)
            for place in range(values.shape[1]):
                number = f"_{place}" if values.shape[1] > 1 else ""
                columns[f"{before}prediction{number}"] = pa.array(values[:, place])
    return columns


def beside(own: pa.RecordBatch, made: Mapping[str, Any], source: str) -> pa.RecordBatch:
    """Predictions beside what they were made of.

    Args:
        own: rows.
        made: columns of their predictions, from `output_columns`.
        source: where the rows are from, for the message.

    Raises:
        DataError: if the rows have a column with the name of a prediction.
    """
    taken = [name for name in made if name in own.schema.names]
    if taken:
        raise DataError(
            f"{source} already has the column {taken[0]!r}",
            expected="no column with the name of a prediction",
            fix="rename or remove it",
        )
    return pa.RecordBatch.from_arrays([*own.columns, *made.values()], [*own.schema.names, *made])


def _by_class(before: str, classes: Sequence[Any], probabilities: Any) -> dict[str, Any]:
    return {
        f"{before}probability_{_name(name)}": pa.array(probabilities[:, place])
        for place, name in enumerate(classes)
    }


def _prefix(head: Head) -> str:
    around, slash, _ = head.prediction.rpartition("/")
    return around + slash


def _name(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
