"""Whether a model is served what it was trained on.

Raw examples go into the exported model as a server gives them to it, and once more as the
transform graph makes them, straight into the tensors of its features. The predictions have
to be the same. Where they are not, the features that differ say why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_estimators.components.evaluator.inputs.transformed_columns import (
    TransformedColumns,
    transformed_names,
)
from tfx_estimators.components.evaluator.report import FeatureSkew, Skew
from tfx_estimators.components.examples import Split, read_batches
from tfx_estimators.components.feature_tensors import FeatureTensor, find_feature_tensors
from tfx_estimators.components.saved_model import SignatureCall
from tfx_estimators.errors import DataError

__all__ = ["find_skew"]

_ROWS = 512
# Beam transforms in other batches than a server: the last digits may differ.
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5


def find_skew(
    signature: SignatureCall, prediction: str, transform_graph: str | None, splits: Sequence[Split]
) -> Skew | None:
    """Compares predictions from raw examples with those from transformed ones.

    Args:
        signature: the model's.
        prediction: the signature's output that counts.
        transform_graph: URI of the TransformGraph that the model was trained with.
        splits: the raw examples; some rows of every file are taken, 512 in all.

    Returns:
        None if it cannot be told: there is no transform graph, the model does not say
        where its features are (only `EstimatorTrainer` with `estimator_fn` has it do so),
        or the examples cannot be read, which the evaluation itself then says.
    """
    tensors = find_feature_tensors(signature.path)
    if transform_graph is None:
        return None
    tensors = {n: t for n, t in tensors.items() if n in transformed_names(transform_graph)}
    if not tensors:
        return None
    try:
        records = [record for file in _files(splits) for record in file]
        expected = TransformedColumns(transform_graph, sorted(tensors)).tensors(records)
        served, wanted = _predict_twice(signature, prediction, records, tensors, expected)
    except (DataError, tf.errors.OpError):
        return None
    given, predicted = served
    distances = _distances(predicted, wanted, len(records))
    features = (
        _feature_skew(name, given[name], expected[name], len(records)) for name in sorted(tensors)
    )
    return Skew(
        rows=len(records),
        differing=int(np.count_nonzero(distances)),
        largest=_largest(distances),
        example=_example(distances, predicted, wanted, len(records)),
        features=tuple(found for found in features if found is not None),
    )


def _files(splits: Sequence[Split]) -> Iterator[list[bytes]]:
    files = [file for split in splits for file in split.files]
    share = max(1, _ROWS // len(files))
    for file in files[:_ROWS]:
        yield next(read_batches([file], share), [])


def _predict_twice(
    signature: SignatureCall,
    prediction: str,
    records: Sequence[bytes],
    tensors: Mapping[str, FeatureTensor],
    expected: Mapping[str, Any],
) -> tuple[tuple[dict[str, Any], Any], Any]:
    """((features, prediction) as served, prediction from the transform's features)."""
    session, (fed, outputs) = signature.load(), signature.tensors()
    output = outputs[prediction]
    raw = {fed: list(records)}
    served, predicted = session.run(
        [{name: _fetch(tensor) for name, tensor in tensors.items()}, output], raw
    )
    features = {name: _value(parts) for name, parts in served.items()}
    feeds: dict[str, Any] = dict(raw)
    for name, tensor in tensors.items():
        feeds |= _feed(tensor, features[name], expected[name])
    return (features, predicted), session.run(output, feeds)


def _fetch(tensor: FeatureTensor) -> dict[str, str]:
    return {part: name for part, name in dataclasses.asdict(tensor).items() if name is not None}


def _value(parts: Mapping[str, Any]) -> Any:
    if "indices" not in parts:
        return parts["values"]
    return tf.compat.v1.SparseTensorValue(parts["indices"], parts["values"], parts["dense_shape"])


def _feed(tensor: FeatureTensor, served: Any, expected: Any) -> dict[str, Any]:
    """What the transform made, in the form that the model has the feature in."""
    names = _fetch(tensor)
    if "indices" in names and hasattr(expected, "indices"):
        return {name: getattr(expected, part) for part, name in names.items()}
    dense = "indices" not in names and not hasattr(expected, "indices")
    if dense and np.size(served) == np.size(expected):
        return {tensor.values: np.reshape(expected, np.shape(served))}
    # Of another form: it cannot be given, but its values are compared.
    return {}


def _feature_skew(name: str, served: Any, expected: Any, size: int) -> FeatureSkew | None:
    distances = _distances(served, expected, size)
    differing = int(np.count_nonzero(distances))
    if not differing:
        return None
    return FeatureSkew(
        feature=name,
        rows=differing,
        largest=_largest(distances),
        example=_example(distances, served, expected, size),
    )


def _largest(distances: Sequence[float]) -> float | None:
    largest = float(max(distances, default=0.0))
    return largest if np.isfinite(largest) else None


def _example(distances: Sequence[float], served: Any, expected: Any, size: int) -> str:
    """The row that differs most, in words; "" if none does."""
    if not any(distances):
        return ""
    row = int(np.argmax(distances))
    shown = [_shown(_by_row(value, size)[row]) for value in (served, expected)]
    return f"row {row}: {shown[0]} from the raw example, {shown[1]} from the transformed one"


def _shown(values: Any) -> str:
    texts = [
        value.decode(errors="replace") if isinstance(value, bytes) else f"{value:.6g}"
        for value in values[:4].tolist()
    ]
    return f"[{', '.join(texts)}{', ...' if len(values) > 4 else ''}]"


def _distances(served: Any, expected: Any, size: int) -> list[float]:
    """How far apart each row's values are: 0 within rounding, inf if not comparable."""
    pairs = zip(_by_row(served, size), _by_row(expected, size), strict=True)
    return [_distance(one, other) for one, other in pairs]


def _distance(served: Any, expected: Any) -> float:
    if len(served) != len(expected):
        return float("inf")
    if served.dtype.kind not in "fiub" or expected.dtype.kind not in "fiub":
        return 0.0 if np.array_equal(served, expected) else float("inf")
    if np.allclose(served, expected, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True):
        return 0.0
    distance = float(np.max(np.abs(served.astype(np.float64) - expected.astype(np.float64))))
    return distance if np.isfinite(distance) else float("inf")


def _by_row(value: Any, size: int) -> list[Any]:
    if not hasattr(value, "indices"):
        return list(np.reshape(value, (size, -1)))
    rows = np.asarray(value.indices)[:, 0]
    ends = np.searchsorted(rows, np.arange(1, size))
    return np.split(np.asarray(value.values), ends)
