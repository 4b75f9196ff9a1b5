"""From serialized examples to what TFMA's evaluators take: extracts, of one or many rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from tfx_estimators.components.evaluator.inputs.chosen_columns import Columns
from tfx_estimators.components.evaluator.inputs.labels import dense, head_labels
from tfx_estimators.components.evaluator.inputs.transformed_columns import TransformedColumns
from tfx_estimators.components.evaluator.metrics.measures import MEASURES, SliceRows
from tfx_estimators.components.heads import Head
from tfx_estimators.components.record_batches import DecodeRecords
from tfx_estimators.components.saved_model import SignatureCall
from tfx_estimators.errors import DataError, EvaluationError

__all__ = ["EvaluatedModel", "ExtractExamples"]


@dataclasses.dataclass(frozen=True)
class EvaluatedModel:
    """A model under evaluation.

    Attributes:
        name: its name in the EvalConfig; "" where it is the only one.
        signature: the signature to call.
        heads: what it predicts.
    """

    name: str
    signature: SignatureCall
    heads: tuple[Head, ...]


class ExtractExamples(beam.DoFn):
    """Turns a list of serialized tf.Examples into TFMA extracts.

    An extract is a dict with the record under "input", numpy arrays under "labels",
    "predictions" and "example_weights" (by model name where there are two models, and
    within by the head's where a model has several) and the sliced columns under
    "features". It is of one example; or, over batches, of all examples of the list whose
    sliced columns are equal, its arrays having a first dimension more.

    Args:
        columns: what to read.
        models: the candidate and, if there is one, the baseline.
        transform_graph: URI of the TransformGraph artifact, if `columns` need it.
        schema: `schema_pb2.Schema` of the raw examples, or None.
        measures: metrics of `measures`, by class name, of each head and of all ("");
            for extracts of many examples. None for extracts of one.
    """

    def __init__(
        self,
        columns: Columns,
        models: Sequence[EvaluatedModel],
        transform_graph: str | None,
        schema: Any,
        *,
        measures: Mapping[str, Collection[str]] | None,
    ) -> None:
        self._columns = columns
        self._models = tuple(models)
        self._transform_graph = transform_graph
        self._measures = measures
        projected = _project(schema, columns.raw)
        self._decoder = DecodeRecords(projected, None)
        # Whether a column has as many values in every example, where that is known.
        self._fixed = {
            feature.name: True
            for feature in (projected.feature if projected is not None else ())
            if feature.HasField("shape")
        }
        self._transformed: TransformedColumns | None = None

    def setup(self) -> None:
        """Loads the models and the transform graph."""
        self._decoder.setup()
        for model in self._models:
            model.signature.load()
        if self._columns.transformed:
            assert self._transform_graph is not None
            self._transformed = TransformedColumns(self._transform_graph, self._columns.transformed)
            self._fixed.update(self._transformed.fixed)

    def process(self, records: list[bytes]) -> Iterator[dict[str, Any]]:
        """Extracts one batch."""
        rows = self._read(records)
        predictions: dict[str, dict[str, Any]] = {}
        labels: dict[str, Any] = {}
        for model in self._models:
            outputs = model.signature(records, _outputs_needed(model))
            predictions[model.name] = {
                head.name: _finite(outputs[head.prediction], head, model) for head in model.heads
            }
            for head in model.heads:
                if head.name not in labels:
                    labels[head.name] = self._labels(rows, head, outputs, predictions[model.name])
        weights = None
        if self._columns.weight:
            weights = dense(rows[self._columns.weight], self._columns.weight, DataError)
        self._check(labels, predictions.values())
        single = len(self._models) == 1

        def of_heads(values: Mapping[str, Any], chosen: Any) -> Any:
            if list(values) == [""]:
                return values[""][chosen]
            return {name: value[chosen] for name, value in values.items()}

        def by_model(value: Any) -> Any:
            return value if single else {model.name: value for model in self._models}

        for first, chosen in self._choose(rows, len(records)):
            extract = {
                "input": records[first],
                "features": {
                    key: np.array(rows[key][first])
                    for key in self._columns.slices
                    if rows[key][first]
                },
                "labels": by_model(of_heads(labels, chosen)),
            }
            predicted = {name: of_heads(own, chosen) for name, own in predictions.items()}
            extract["predictions"] = next(iter(predicted.values())) if single else predicted
            if weights is not None:
                extract["example_weights"] = by_model(weights[chosen])
            yield extract

    def _labels(
        self,
        rows: Mapping[str, Sequence[Sequence[Any]]],
        head: Head,
        outputs: Mapping[str, Any],
        predictions: Mapping[str, Any],
    ) -> Any:
        key = self._columns.labels[head.name]
        classes = outputs[head.classes][0] if head.classes else None
        width = predictions[head.name].shape[1]
        return head_labels(rows[key], key, head, classes, width, self._fixed.get(key))

    def _check(self, labels: Mapping[str, Any], predictions: Collection[Any]) -> None:
        """Raises for rows that a metric cannot take: from within TFMA it would not be read."""
        if self._measures is None:
            return
        for name, own in labels.items():
            asked = {*self._measures.get("", ()), *self._measures.get(name, ())}
            for view in {MEASURES[one].rows for one in asked}:
                for predicted in predictions:
                    view(SliceRows(own, predicted[name], np.ones(len(own))))

    def _choose(
        self, rows: Mapping[str, Sequence[Sequence[Any]]], size: int
    ) -> Iterator[tuple[int, Any]]:
        """The rows of each extract: the first one, and an index of all."""
        if self._measures is None:
            yield from ((row, row) for row in range(size))
            return
        groups: dict[tuple[Any, ...], list[int]] = {}
        for row in range(size):
            alike = tuple(tuple(rows[key][row]) for key in self._columns.slices)
            groups.setdefault(alike, []).append(row)
        for group in groups.values():
            yield group[0], np.array(group)

    def _read(self, records: list[bytes]) -> dict[str, list[list[Any]]]:
        rows: dict[str, list[list[Any]]] = {}
        if self._columns.raw:
            (batch,) = self._decoder.process(records)
            for key in self._columns.raw:
                index = batch.schema.get_field_index(key)
                values = batch.column(index).to_pylist() if index >= 0 else [None] * len(records)
                rows[key] = [value or [] for value in values]
        if self._transformed is not None:
            rows.update(self._transformed(records))
        return rows


def _outputs_needed(model: EvaluatedModel) -> list[str]:
    named = {name for head in model.heads for name in (head.prediction, head.classes)}
    return sorted(named - {""})


def _project(schema: Any, names: Sequence[str]) -> Any:
    if schema is None:
        return None
    projected = type(schema)()
    projected.feature.extend(feature for feature in schema.feature if feature.name in names)
    return projected


def _finite(values: Any, head: Head, model: EvaluatedModel) -> Any:
    if not np.isfinite(values).all():
        raise EvaluationError(
            f"the model in {model.signature.path} predicts a {head.prediction} that is not finite",
            expected="finite predictions for every example",
            fix="look at the loss in TensorBoard; lower the learning rate or scale the inputs",
        )
    return values.reshape(len(values), -1)
