"""From serialized examples to what TFMA's evaluators take: extracts, of one or many rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from tfx_estimators.components.evaluator.columns import Columns
from tfx_estimators.components.evaluator.measures import MEASURES, Rows
from tfx_estimators.components.evaluator.transformed_columns import TransformedColumns
from tfx_estimators.components.record_batches import DecodeRecords
from tfx_estimators.components.saved_model import SignatureCall
from tfx_estimators.errors import DataError, EvaluationError, LabelError

__all__ = ["ExtractExamples", "Model"]

_ALL_CLASSES = "all_classes"


@dataclasses.dataclass(frozen=True)
class Model:
    """A model under evaluation.

    Attributes:
        name: its name in the EvalConfig; "" where it is the only one.
        signature: the signature to call.
        prediction: the signature's output that is measured.
    """

    name: str
    signature: SignatureCall
    prediction: str


class ExtractExamples(beam.DoFn):
    """Turns a list of serialized tf.Examples into TFMA extracts.

    An extract is a dict with the record under "input", numpy arrays under "labels",
    "predictions" and "example_weights" (by model name where there are two models) and
    the sliced columns under "features". It is of one example; or, over batches, of all
    examples of the list whose sliced columns are equal, its arrays having a first
    dimension more.

    Args:
        columns: what to read.
        models: the candidate and, if there is one, the baseline.
        transform_graph: URI of the TransformGraph artifact, if `columns` need it.
        schema: `schema_pb2.Schema` of the raw examples, or None.
        measures: metrics of `measures`, by class name, for extracts of many examples;
            None for extracts of one.
    """

    def __init__(
        self,
        columns: Columns,
        models: Sequence[Model],
        transform_graph: str | None,
        schema: Any,
        *,
        measures: Sequence[str] | None,
    ) -> None:
        self._columns = columns
        self._models = tuple(models)
        self._transform_graph = transform_graph
        self._measures = measures
        self._decoder = DecodeRecords(_project(schema, columns.raw), None)
        self._transformed: TransformedColumns | None = None

    def setup(self) -> None:
        """Loads the models and the transform graph."""
        self._decoder.setup()
        for model in self._models:
            model.signature.load()
        if self._columns.transformed:
            assert self._transform_graph is not None
            self._transformed = TransformedColumns(self._transform_graph, self._columns.transformed)

    def process(self, records: list[bytes]) -> Iterator[dict[str, Any]]:
        """Extracts one batch."""
        rows = self._read(records)
        outputs = {
            model.name: model.signature(records, _outputs_needed(model)) for model in self._models
        }
        predictions = {
            model.name: _finite(outputs[model.name][model.prediction], model)
            for model in self._models
        }
        classes = next(iter(outputs.values())).get(_ALL_CLASSES)
        labels = _labels(rows[self._columns.label], self._columns.label, classes)
        weights = None
        if self._columns.weight:
            weights = _dense(rows[self._columns.weight], self._columns.weight, DataError)
        self._check(labels, predictions.values())
        single = len(self._models) == 1

        def by_model(values: Mapping[str, Any] | Any, chosen: Any) -> Any:
            if single:
                return next(iter(values.values()))[chosen]
            return {name: value[chosen] for name, value in values.items()}

        for first, chosen in self._choose(rows, len(records)):
            extract = {
                "input": records[first],
                "features": {
                    key: np.array(rows[key][first])
                    for key in self._columns.slices
                    if rows[key][first]
                },
                "labels": by_model(dict.fromkeys(predictions, labels), chosen),
                "predictions": by_model(predictions, chosen),
            }
            if weights is not None:
                extract["example_weights"] = by_model(dict.fromkeys(predictions, weights), chosen)
            yield extract

    def _check(self, labels: Any, predictions: Collection[Any]) -> None:
        """Raises for rows that a metric cannot take: from within TFMA it would not be read."""
        for view in {MEASURES[name].rows for name in self._measures or ()}:
            for predicted in predictions:
                view(Rows(labels, predicted, np.ones(len(labels))))

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


def _outputs_needed(model: Model) -> list[str]:
    names = [model.prediction]
    if _ALL_CLASSES in model.signature.output_names and model.prediction != _ALL_CLASSES:
        names.append(_ALL_CLASSES)
    return names


def _project(schema: Any, names: Sequence[str]) -> Any:
    if schema is None:
        return None
    projected = type(schema)()
    projected.feature.extend(feature for feature in schema.feature if feature.name in names)
    return projected


def _finite(values: Any, model: Model) -> Any:
    if not np.isfinite(values).all():
        raise EvaluationError(
            f"the model in {model.signature.path} predicts a {model.prediction} that is not finite",
            expected="finite predictions for every example",
            fix="look at the loss in TensorBoard; lower the learning rate or scale the inputs",
        )
    return values.reshape(len(values), -1)


def _labels(rows: list[list[Any]], key: str, classes: Any) -> Any:
    labels = _dense(rows, key, LabelError)
    if labels.dtype.kind not in "SUO":
        return labels
    if classes is None:
        raise LabelError(
            f"the label {key!r} is a string, and the model does not name its classes",
            expected=f"a number, or a signature with the output {_ALL_CLASSES}",
            fix="make a numeric label in preprocessing_fn and pass transform_graph",
        )
    found = classes == labels
    unknown = labels[~found.any(axis=1)]
    if len(unknown):
        raise LabelError(
            f"the label {key!r} is {unknown[0, 0]!r} in an example",
            expected=f"one of the model's classes: {', '.join(map(repr, classes[0].tolist()))}",
            fix="correct label_vocabulary, or drop such examples",
        )
    return found.argmax(axis=1).reshape(-1, 1)


def _dense(rows: list[list[Any]], key: str, error: type[DataError]) -> Any:
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
