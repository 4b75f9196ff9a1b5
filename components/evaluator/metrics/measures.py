"""Metrics as sums over rows: what the fast path computes, in NumPy alone.

Each gives what TensorFlow Model Analysis's metric of the same name gives, to within 1e-6:
the same comparisons in the same precision, added up by the batch instead of one by one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfx_estimators.errors import EvaluationError, LabelError

__all__ = ["AUC_BUCKETS", "MEASURES", "Measure", "SliceRows", "auc_sums", "auc_value"]

# The estimator API's AUC has 200 thresholds, so 199 buckets between them.
AUC_BUCKETS = 199

_ONE = ("logistic", "predictions")
_BINARY = ("logistic",)
_CLASSES = ("probabilities",)
_EPSILON = 1e-7  # Keras keeps probabilities this far from 0 and 1.


@dataclasses.dataclass(frozen=True)
class SliceRows:
    """Some rows of a slice.

    Attributes:
        labels: [rows, values].
        predictions: [rows, values or classes].
        weights: [rows], all ones where rows are not weighted.
    """

    labels: Any
    predictions: Any
    weights: Any

    def pairs(self) -> tuple[Any, Any, Any]:
        """Labels, predictions and weights of every value, each [rows * values]."""
        if self.labels.shape != self.predictions.shape:
            raise EvaluationError(
                f"an example has {self.labels.shape[1]} labels and "
                f"{self.predictions.shape[1]} predictions",
                expected="one prediction for each label",
                fix="name the output to measure in eval_config.model_specs.prediction_key",
            )
        weights = np.repeat(self.weights, self.labels.shape[1])
        return self.labels.ravel(), self.predictions.ravel(), weights

    def binary(self) -> tuple[Any, Any, Any]:
        """`pairs` with labels that can be shares of a positive example."""
        labels, predictions, weights = self.pairs()
        labels = labels.astype(np.float64)
        wrong = labels[(labels < 0) | (labels > 1)]
        if len(wrong):
            raise LabelError(
                f"a label is {wrong[0]:g}",
                expected="0, 1, or a number between them",
                fix="name metrics of a regression in eval_config.metrics_specs",
            )
        return labels, predictions.astype(np.float64), weights


@dataclasses.dataclass(frozen=True)
class Measure:
    """A metric.

    Attributes:
        name: what it is called unless its configuration says.
        outputs: the outputs that it is computed of here, as `Head.like` calls them; any
            where it has none.
        rows: the view of rows that it takes; raises if they do not fit the metric.
        size: how many sums it needs.
        sums: those sums over rows, float64 [size].
        value: the metric, of the sums over all rows and the metric's settings.
        settings: names of the settings that `value` understands.
    """

    name: str
    outputs: tuple[str, ...]
    rows: Callable[[SliceRows], Any]
    size: int
    sums: Callable[[SliceRows], Any]
    value: Callable[[Any, Mapping[str, Any]], float]
    settings: tuple[str, ...] = ()


def _any_rows(rows: SliceRows) -> None:
    """Whatever they are, they can be counted."""


def _count(rows: SliceRows) -> Any:
    return np.array([np.sum(rows.weights)])


def _mean_label(rows: SliceRows) -> Any:
    labels, _, weights = rows.pairs()
    return _weighted(labels.astype(np.float64), weights)


def _mean_prediction(rows: SliceRows) -> Any:
    _, predictions, weights = rows.pairs()
    return _weighted(predictions.astype(np.float64), weights)


def _squared_error(rows: SliceRows) -> Any:
    labels, predictions, weights = rows.pairs()
    return _weighted((labels - predictions).astype(np.float64) ** 2, weights)


def _absolute_error(rows: SliceRows) -> Any:
    labels, predictions, weights = rows.pairs()
    return _weighted(np.abs(labels - predictions).astype(np.float64), weights)


def _binary_cross_entropy(rows: SliceRows) -> Any:
    labels, predictions, weights = rows.pairs()
    with np.errstate(divide="ignore", invalid="ignore"):
        # 0 * log 0 is NaN there, too.
        loss = -labels * np.log(predictions) - (1 - labels) * np.log(1 - predictions)
    return _weighted(loss.astype(np.float64), weights)


def _poisson_loss(rows: SliceRows) -> Any:
    """As `tf.nn.log_poisson_loss` with the full loss, of the predicted rate."""
    labels, predictions, weights = rows.pairs()
    labels, rates = labels.astype(np.float64), predictions.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = rates - labels * np.log(rates)
        # Stirling's approximation of log(label!), which is 0 for 0 and 1.
        rest = labels * np.log(labels) - labels + 0.5 * np.log(2 * np.pi * labels)
    return _weighted(loss + np.where((labels >= 0) & (labels <= 1), 0.0, rest), weights)


def _confusion(rows: SliceRows) -> Any:
    """Weights of true and false positives, true and false negatives, at 0.5."""
    labels, predictions, weights = rows.binary()
    positive = predictions > 0.5
    yes, no = weights * labels, weights * (1 - labels)
    return np.array(
        [yes[positive].sum(), no[positive].sum(), no[~positive].sum(), yes[~positive].sum()]
    )


def _class_accuracy(rows: SliceRows) -> Any:
    hit = np.argmax(rows.predictions, axis=1) == _classes(rows)
    return _weighted(hit.astype(np.float64), rows.weights)


def _class_cross_entropy(rows: SliceRows) -> Any:
    kept = np.clip(rows.predictions.astype(np.float64), _EPSILON, 1 - _EPSILON)
    own = kept[np.arange(len(kept)), _classes(rows)]
    return _weighted(np.log(kept.sum(axis=1)) - np.log(own), rows.weights)


def auc_sums(rows: SliceRows) -> Any:
    """Weights by bucket of the prediction: of negative examples, then of positive ones."""
    labels, predictions, weights = rows.pairs()
    # In float32, as the estimator does it: a prediction at the edge of a bucket must fall
    # on the same side.
    edges = np.ceil(predictions.astype(np.float32) * np.float32(AUC_BUCKETS)).astype(np.int64)
    buckets = np.maximum(edges - 1, 0) + AUC_BUCKETS * (labels > 0)
    return np.bincount(buckets, weights=weights, minlength=2 * AUC_BUCKETS)


def auc_value(sums: Any, settings: Mapping[str, Any]) -> float:
    """Area under the curve that the setting `curve` names, "ROC" or "PR".

    NaN without positive examples, and for "ROC" without negative ones: there is no curve.
    """
    # At threshold i, all buckets from the i-th on are predicted positive.
    above = np.cumsum(sums.reshape(2, AUC_BUCKETS)[:, ::-1], axis=1)[:, ::-1]
    false, true = np.pad(above, ((0, 0), (0, 1)))
    area = _pr_area if settings.get("curve", "ROC") == "PR" else _roc_area
    return float(area(true, false))


def _roc_area(true: Any, false: Any) -> Any:
    if not (true[0] and false[0]):
        return float("nan")
    recall, fallout = true / true[0], false / false[0]
    return np.sum((fallout[:-1] - fallout[1:]) * (recall[:-1] + recall[1:]) / 2)


def _pr_area(true: Any, false: Any) -> Any:
    # Davis and Goadrich 2006: between thresholds the counts are linear, precision is not.
    positive = true + false
    steps, widths = true[:-1] - true[1:], positive[:-1] - positive[1:]
    slope = np.divide(steps, widths, out=np.zeros_like(steps), where=widths > 0)
    intercept = true[1:] - slope * positive[1:]
    both = (positive[:-1] > 0) & (positive[1:] > 0)
    ratio = np.divide(positive[:-1], positive[1:], out=np.ones_like(steps), where=both)
    if not true[0]:
        return float("nan")
    return np.sum(slope * (steps + intercept * np.log(ratio)) / true[0])


def _weighted(values: Any, weights: Any) -> Any:
    return np.array([np.sum(values * weights), np.sum(weights)])


def _classes(rows: SliceRows) -> Any:
    """The label of each row as the number of a class."""
    classes, count = rows.labels.astype(np.int64).ravel(), rows.predictions.shape[1]
    wrong = classes[(classes < 0) | (classes >= count)]
    if len(wrong) or len(classes) != len(rows.predictions):
        shown = int(wrong[0]) if len(wrong) else rows.labels[0].tolist()
        raise LabelError(
            f"a label is {shown}, and the model knows {count} classes",
            expected=f"one number from 0 to {count - 1} per example",
            fix="correct n_classes, or the label in preprocessing_fn",
        )
    return classes


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")


def _mean(sums: Any, settings: Mapping[str, Any]) -> float:
    return float(sums[0] / sums[1]) if sums[1] else float("nan")


MEASURES: dict[str, Measure] = {
    "ExampleCount": Measure(
        "example_count", (), _any_rows, 1, _count, lambda sums, _: float(sums[0])
    ),
    "MeanLabel": Measure("mean_label", _ONE, SliceRows.pairs, 2, _mean_label, _mean),
    "MeanPrediction": Measure("mean_prediction", _ONE, SliceRows.pairs, 2, _mean_prediction, _mean),
    "MeanSquaredError": Measure(
        "mean_squared_error", _ONE, SliceRows.pairs, 2, _squared_error, _mean
    ),
    "MeanAbsoluteError": Measure(
        "mean_absolute_error", _ONE, SliceRows.pairs, 2, _absolute_error, _mean
    ),
    "BinaryCrossEntropy": Measure(
        "binary_crossentropy", _BINARY, SliceRows.pairs, 2, _binary_cross_entropy, _mean
    ),
    "PoissonLoss": Measure(
        "poisson_loss", ("predictions",), SliceRows.pairs, 2, _poisson_loss, _mean
    ),
    "BinaryAccuracy": Measure(
        "binary_accuracy",
        _BINARY,
        SliceRows.binary,
        4,
        _confusion,
        lambda s, _: _ratio(s[0] + s[2], s.sum()),
    ),
    "Precision": Measure(
        "precision",
        _BINARY,
        SliceRows.binary,
        4,
        _confusion,
        lambda s, _: _ratio(s[0], s[0] + s[1]),
    ),
    "Recall": Measure(
        "recall", _BINARY, SliceRows.binary, 4, _confusion, lambda s, _: _ratio(s[0], s[0] + s[3])
    ),
    "EstimatorAUC": Measure(
        "auc", _BINARY, SliceRows.pairs, 2 * AUC_BUCKETS, auc_sums, auc_value, ("curve",)
    ),
    "SparseCategoricalAccuracy": Measure(
        "sparse_categorical_accuracy", _CLASSES, _classes, 2, _class_accuracy, _mean
    ),
    "SparseCategoricalCrossentropy": Measure(
        "sparse_categorical_crossentropy",
        _CLASSES,
        _classes,
        2,
        _class_cross_entropy,
        _mean,
    ),
}
"""By the class name that an EvalConfig calls them."""
