"""A canned estimator as a Keras 3 model with its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfx_estimators.errors import KerasConversionError
from tfx_estimators.estimator.keras_export.canned import Canned, Dnn, Linear, read_canned
from tfx_estimators.estimator.keras_export.column_layers import ColumnLayers, IdRows, LearnedValues

__all__ = ["to_keras"]

Reader = Callable[[str], Any]
"""Returns a variable of the estimator by its name."""

_LINEAR = "linear/linear_model"
_DNN_INPUT = "dnn/input_from_feature_columns/input_layer"


def to_keras(estimator: Any, known: LearnedValues, read: Reader) -> Any:
    """Makes a Keras model of a canned estimator.

    Args:
        estimator: linear, a network, or both.
        known: what its columns have learned.
        read: its variables.

    Returns:
        a functional `keras.Model`. Its inputs, a dict, are the raw features: float32
        [batch, numbers], or int64 or string [batch, values]. Its output is what the head
        predicts: probabilities [batch, classes], of two classes that of the second [batch, 1];
        or numbers [batch, numbers].

    Raises:
        KerasConversionError: if Keras 3 is not there, or something cannot be converted; it
            says what.
    """
    _check_keras()
    canned = read_canned(estimator)
    layers = ColumnLayers(known)
    parts = [part for part in (canned.linear, canned.dnn) if part is not None]
    layers.prepare([column for part in parts for column in part.columns])
    return _Network(canned, layers, read).model()


def _check_keras() -> None:
    import keras

    if not keras.__version__.startswith("3."):
        raise KerasConversionError(
            f"Keras {keras.__version__} is installed",
            expected="Keras 3, which TensorFlow 2.16 and later bring",
            fix="export on the default or the current stack",
        )


@dataclasses.dataclass(frozen=True)
class _Input:
    """A column as an input of a dense layer.

    Attributes:
        tensor: float [batch, width].
        width: how many rows of weights the estimator has for it.
        rows: of a one-hot encoding, which Keras may have in another order.
    """

    tensor: Any
    width: int
    rows: IdRows | None = None

    def moved(self, weights: Any) -> Any:
        """The estimator's rows of weights as those of the Keras layer."""
        return weights if self.rows is None else self.rows.moved(weights)


class _Network:
    """Makes layers, and remembers the weights that they get once the model is there."""

    def __init__(self, canned: Canned, layers: ColumnLayers, read: Reader) -> None:
        self._canned = canned
        self._layers = layers
        self._name = layers.name
        self._read = read
        self._weights: list[tuple[Any, list[Any]]] = []

    def model(self) -> Any:
        import keras

        logits = []
        if self._canned.linear is not None:
            logits.append(self._linear(self._canned.linear))
        if self._canned.dnn is not None:
            logits.append(self._dnn(self._canned.dnn))
        total = (
            logits[0] if len(logits) == 1 else keras.layers.Add(name=self._name("logits"))(logits)
        )
        output = keras.layers.Activation(self._canned.output, name=self._name("predictions"))(total)
        model = keras.Model(dict(sorted(self._layers.inputs.items())), output)
        for layer, arrays in self._weights:
            layer.set_weights(arrays)
        return model

    def _linear(self, part: Linear) -> Any:
        import keras
        from keras import ops

        units, logits, dense, kernels = self._canned.units, [], [], []
        for column in part.columns:
            own = self._read(f"{_LINEAR}/{column.name}/weights")
            rows = self._layers.categorical(column)
            if rows is None:
                dense.append(self._dense(column, _LINEAR))
                kernels.append(dense[-1].moved(own))
            else:
                layer = keras.layers.Embedding(
                    rows.size, units, name=self._name("linear_weights", column.name)
                )
                logits.append(_combined(layer, rows, part.combiner))
                self._weights.append((layer, [rows.moved(own)]))
        if not dense:  # Something that the bias can be added to.
            dense = [_Input(ops.zeros_like(logits[0][:, :1]), 1)]
            kernels = [np.zeros((1, units), np.float32)]
        layer = keras.layers.Dense(units, name=self._name("linear"))
        logits.append(layer(_joined([one.tensor for one in dense])))
        bias = self._read(f"{_LINEAR}/bias_weights")
        self._weights.append((layer, [np.concatenate(kernels), bias]))
        return (
            logits[0]
            if len(logits) == 1
            else keras.layers.Add(name=self._name("linear_logits"))(logits)
        )

    def _dnn(self, part: Dnn) -> Any:
        import keras

        # As the estimator's input layer has them.
        columns = sorted(part.columns, key=lambda column: str(column.name))
        inputs = [self._dense(column, _DNN_INPUT) for column in columns]
        net = _joined([one.tensor for one in inputs])
        for number, size in enumerate(part.hidden_units):
            layer = keras.layers.Dense(size, part.activation, name=self._name(f"hidden_{number}"))
            net = self._connected(layer, net, f"dnn/hiddenlayer_{number}", inputs)
            inputs = []
            if part.dropout:
                net = keras.layers.Dropout(part.dropout, name=self._name(f"dropout_{number}"))(net)
            if part.batch_norm:
                norm = keras.layers.BatchNormalization(
                    momentum=0.999, name=self._name(f"norm_{number}")
                )
                net = norm(net)
                scope = f"dnn/hiddenlayer_{number}/batchnorm_{number}"
                names = ("gamma", "beta", "moving_mean", "moving_variance")
                self._weights.append((norm, [self._read(f"{scope}/{one}") for one in names]))
        layer = keras.layers.Dense(self._canned.units, name=self._name("dnn_logits"))
        return self._connected(layer, net, "dnn/logits", inputs)

    def _connected(self, layer: Any, net: Any, scope: str, inputs: Sequence[_Input]) -> Any:
        """A layer over others; over the inputs, where there are any."""
        kernel, bias = self._read(f"{scope}/kernel"), self._read(f"{scope}/bias")
        if inputs:
            ends = np.cumsum([one.width for one in inputs])
            blocks = np.split(kernel, ends[:-1])
            moved = [one.moved(block) for one, block in zip(inputs, blocks, strict=True)]
            kernel = np.concatenate(moved)
        self._weights.append((layer, [kernel, bias]))
        return layer(net)

    def _dense(self, column: Any, scope: str) -> _Input:
        import keras
        from keras import ops

        embedded = self._layers.embedded(column)
        if embedded is not None:
            rows, dimension, combiner = embedded
            layer = keras.layers.Embedding(
                rows.size,
                dimension,
                name=self._name(f"{scope.partition('/')[0]}_embedding", column.name),
            )
            own = self._read(f"{scope}/{column.name}/embedding_weights")
            self._weights.append((layer, [rows.moved(own)]))
            return _Input(_combined(layer, rows, combiner), dimension)
        indicated = self._layers.indicated(column)
        if indicated is not None:
            counts = ops.sum(ops.one_hot(indicated.ids, indicated.size), axis=1)
            return _Input(counts, indicated.count, indicated)
        numbers = self._layers.numeric(column)
        return _Input(numbers, int(numbers.shape[-1]))


def _combined(layer: Any, rows: IdRows, combiner: str) -> Any:
    """The weights of all values of an example together, [batch, width]."""
    from keras import ops

    total = ops.sum(layer(rows.ids), axis=1)
    if combiner == "sum":
        return total
    count = ops.maximum(ops.sum(rows.is_value(), axis=1, keepdims=True), 1.0)
    return total / (count if combiner == "mean" else ops.sqrt(count))


def _joined(tensors: Sequence[Any]) -> Any:
    import keras

    return tensors[0] if len(tensors) == 1 else keras.layers.Concatenate()(list(tensors))
