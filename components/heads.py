"""What a model predicts, read off its signature: the heads of the Estimator API.

A head's outputs have names that every estimator uses. Where several heads share names, the
operation that makes the prediction tells them apart: a multi-label head's probabilities are
a sigmoid, a multi-class head's a softmax.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence

from tfx_estimators.components.saved_model import Output
from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["Head", "Kind", "find_heads"]

_PREDICTIONS = ("logistic", "probabilities", "predictions")
_UNKNOWN = Output("", None)


class Kind(enum.Enum):
    """What a head predicts."""

    BINARY = "binary"
    MULTI_CLASS = "multi-class"
    MULTI_LABEL = "multi-label"
    REGRESSION = "regression"
    LOGISTIC_REGRESSION = "logistic regression"
    POISSON_REGRESSION = "Poisson regression"
    OTHER_REGRESSION = "numbers, by a loss that is not known"
    OTHER = "other"


# A single output of these that a metric takes for the same.
_LIKE = {
    Kind.BINARY: "logistic",
    Kind.MULTI_LABEL: "logistic",
    Kind.LOGISTIC_REGRESSION: "logistic",
    Kind.MULTI_CLASS: "probabilities",
    Kind.REGRESSION: "predictions",
    Kind.POISSON_REGRESSION: "predictions",
    Kind.OTHER_REGRESSION: "predictions",
}


@dataclasses.dataclass(frozen=True)
class Head:
    """One thing that a model predicts.

    Attributes:
        name: its name in a multi-head model; "" where it is the only one.
        kind: what it predicts.
        prediction: the signature's output that is measured.
        classes: the output that lists the classes in order; "" if there is none.
    """

    name: str
    kind: Kind
    prediction: str
    classes: str = ""

    @property
    def like(self) -> str:
        """The output of the Estimator API that the prediction is measured like."""
        return _LIKE.get(self.kind, self.prediction)


def find_heads(
    outputs: Sequence[str], facts: Mapping[str, Output], prediction_key: str = ""
) -> tuple[Head, ...]:
    """The heads of a signature, in order of their names.

    Args:
        outputs: names of its outputs.
        facts: what is known of them, by name.
        prediction_key: the output to measure, where the user names one.

    Raises:
        UnsupportedOptionError: if the outputs do not tell what to measure, or lack
            the one that is named.
    """
    if prediction_key:
        if prediction_key not in outputs:
            raise _unclear(outputs, prediction_key)
        return (_head("", prediction_key, outputs, facts),)
    for prediction in _PREDICTIONS:
        if prediction in outputs:
            return (_head("", prediction, outputs, facts),)
    named: dict[str, str] = {}
    for prediction in _PREDICTIONS:
        for output in outputs:
            name, slash, last = output.rpartition("/")
            if slash and last == prediction:
                named.setdefault(name, output)
    if named:
        return tuple(_head(name, named[name], outputs, facts) for name in sorted(named))
    if len(outputs) == 1:
        return (_head("", outputs[0], outputs, facts),)
    raise _unclear(outputs, "")


def _head(name: str, prediction: str, outputs: Sequence[str], facts: Mapping[str, Output]) -> Head:
    around, slash, last = prediction.rpartition("/")
    prefix = around + slash
    fact = facts.get(prediction, _UNKNOWN)
    kind = _kind(last, f"{prefix}logits" in outputs, fact)
    # A multi-label head calls the list of its classes "classes".
    listed = "classes" if kind is Kind.MULTI_LABEL else "all_classes"
    return Head(name, kind, prediction, f"{prefix}{listed}" if prefix + listed in outputs else "")


def _kind(prediction: str, has_logits: bool, fact: Output) -> Kind:
    if prediction == "logistic":
        return Kind.BINARY
    if prediction == "probabilities":
        return Kind.MULTI_LABEL if fact.operation == "Sigmoid" else Kind.MULTI_CLASS
    if prediction == "predictions":
        # Only a regression with an inverse link function shows its logits.
        if not has_logits or not fact.operation:
            return Kind.REGRESSION
        links = {"Sigmoid": Kind.LOGISTIC_REGRESSION, "Exp": Kind.POISSON_REGRESSION}
        return links.get(fact.operation, Kind.OTHER_REGRESSION)
    # A Keras model's output is named after its last layer.
    if fact.operation == "Softmax":
        return Kind.MULTI_CLASS
    if fact.operation == "Sigmoid" and fact.width is not None:
        return Kind.BINARY if fact.width == 1 else Kind.MULTI_LABEL
    return Kind.OTHER_REGRESSION if fact.operation else Kind.OTHER


def _unclear(outputs: Sequence[str], prediction_key: str) -> UnsupportedOptionError:
    said = f"is {prediction_key!r}" if prediction_key else "is not set"
    expected, fix = "prediction_key naming one of them", "set model_specs { prediction_key: '...' }"
    if not prediction_key and set(outputs) == {"classes", "scores"}:
        # What an estimator's classifier gives as `serving_default`.
        expected, fix = "the signature predict", "leave signature_name out of model_specs"
    return UnsupportedOptionError(
        f"eval_config.model_specs.prediction_key {said}, and the signature has the outputs "
        f"{', '.join(outputs)}",
        expected=expected,
        fix=fix,
    )
