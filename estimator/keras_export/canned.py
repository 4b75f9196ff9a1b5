"""What a canned estimator is made of, read off the estimator itself.

A canned estimator keeps its arguments nowhere but in its `model_fn`, as variables of the
function around it.

Private names relied on, seen on TensorFlow 2.16 and 2.21 with tensorflow-estimator 2.15:
`Estimator._model_fn` and its variables, and `_inverse_link_fn` of heads.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from tfx_estimators.errors import KerasConversionError

__all__ = ["Canned", "Dnn", "Linear", "read_canned"]

_KINDS = (
    "LinearClassifier",
    "LinearRegressor",
    "LinearEstimator",
    "DNNClassifier",
    "DNNRegressor",
    "DNNEstimator",
    "DNNLinearCombinedClassifier",
    "DNNLinearCombinedRegressor",
    "DNNLinearCombinedEstimator",
)
_OUTPUTS = {
    "BinaryClassHead": "sigmoid",
    "MultiClassHead": "softmax",
    "MultiLabelHead": "sigmoid",
    "RegressionHead": "linear",
    "PoissonRegressionHead": "exponential",
    "LogisticRegressionHead": "sigmoid",
}
# Their inverse link functions are those of their outputs.
_WITH_LINK = ("PoissonRegressionHead", "LogisticRegressionHead")


@dataclasses.dataclass(frozen=True)
class Linear:
    """A linear part.

    Attributes:
        columns: its feature columns.
        combiner: how the weights of several values are combined.
    """

    columns: tuple[Any, ...]
    combiner: str


@dataclasses.dataclass(frozen=True)
class Dnn:
    """A network.

    Attributes:
        columns: its feature columns.
        hidden_units: of its hidden layers.
        activation: of the hidden layers, as Keras calls it.
        dropout: of the hidden layers; None for none.
        batch_norm: whether each hidden layer is normalized.
    """

    columns: tuple[Any, ...]
    hidden_units: tuple[int, ...]
    activation: str
    dropout: float | None
    batch_norm: bool


@dataclasses.dataclass(frozen=True)
class Canned:
    """A canned estimator.

    Attributes:
        units: how many logits.
        output: what becomes of the logits: an activation of Keras.
        linear: its linear part, if it has one.
        dnn: its network, if it has one.
    """

    units: int
    output: str
    linear: Linear | None
    dnn: Dnn | None


def read_canned(estimator: Any) -> Canned:
    """What an estimator is made of.

    Raises:
        KerasConversionError: if it is not a linear model, a network, or both, or its head or
            activation has no equivalent in Keras.
    """
    kind = next((c.__name__ for c in type(estimator).__mro__ if _kind(c) in _KINDS), None)
    made_with = inspect.getclosurevars(estimator._model_fn).nonlocals if kind else {}
    if kind is None or "head" not in made_with:
        raise KerasConversionError(
            f"{type(estimator).__name__} is not a canned estimator that can be converted",
            expected=f"one of {', '.join(_KINDS)}",
            fix="write its model function as a Keras model; the weights are in its checkpoint",
        )
    combined = "DNNLinearCombined" in kind
    linear = dnn = None
    if combined or kind.startswith("Linear"):
        columns = made_with["linear_feature_columns" if combined else "feature_columns"]
        combiner = made_with["linear_sparse_combiner" if combined else "sparse_combiner"]
        if columns:
            linear = Linear(tuple(columns), str(combiner))
    if combined or kind.startswith("DNN"):
        prefix = "dnn_" if combined else ""
        columns = made_with[f"{prefix}feature_columns"]
        if columns:
            dnn = Dnn(
                tuple(columns),
                tuple(made_with[f"{prefix}hidden_units"]),
                _activation(made_with[f"{prefix}activation_fn"]),
                made_with[f"{prefix}dropout"],
                bool(made_with["batch_norm"]),
            )
    head = made_with["head"]
    return Canned(int(head.logits_dimension), _output(head), linear, dnn)


def _kind(estimator_class: type) -> str:
    is_ours = estimator_class.__module__.startswith("tensorflow_estimator.")
    return estimator_class.__name__.removesuffix("V2") if is_ours else ""


def _output(head: Any) -> str:
    name = type(head).__name__
    links = getattr(head, "_inverse_link_fn", None) is not None
    if name not in _OUTPUTS or (links and name not in _WITH_LINK):
        raise KerasConversionError(
            f"the head {name}{' with an inverse_link_fn' if links else ''} cannot be converted",
            expected=f"one of {', '.join(_OUTPUTS)}",
            fix="build the Keras model for a head that can be converted, and change its output",
        )
    return _OUTPUTS[name]


def _activation(function: Any) -> str:
    import keras

    name = function if isinstance(function, str) else getattr(function, "__name__", "")
    try:
        found = keras.activations.get(name)
    except ValueError:
        found = None
    if found is None or name in ("", "<lambda>"):
        raise KerasConversionError(
            f"activation_fn={function!r} is none that Keras has",
            expected="a function such as tf.nn.relu, or the name of an activation of Keras",
            fix="export an estimator with an activation that Keras knows",
        )
    return str(found.__name__)
