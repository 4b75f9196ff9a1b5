"""Predicts the rows of a file, in their order, as a server would answer them."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
from tensorflow_metadata.proto.v0 import schema_pb2

from tfx_estimators.components.csv_rows import csv_rows
from tfx_estimators.components.example_encoding import ExampleEncoder
from tfx_estimators.components.output_columns import (
    beside,
    output_columns,
    outputs_of,
    prediction_heads,
)
from tfx_estimators.components.saved_model import PREDICT, find_signature
from tfx_estimators.errors import DataError, UnsupportedOptionError
from tfx_estimators.pipelines.prediction.feature_types import feature_types
from tfx_estimators.pipelines.prediction.input_rows import read_rows
from tfx_estimators.pipelines.prediction.model_place import find_saved_model
from tfx_estimators.places import same

__all__ = ["predict_file", "predict_table"]

_ENDINGS = (".csv", ".parquet")


def predict_table(
    model: str | os.PathLike[str], data: str | os.PathLike[str], metadata: str | None = None
) -> pa.Table:
    """Predictions beside the columns of a file.

        table = predict_table("runs/churn/serving", "customers.csv")
        table.to_pandas()

    Args:
        model: see `model_place.find_saved_model`.
        data: a CSV, Parquet or TFRecord file with the columns of the training data; without
            the label.
        metadata: the store to ask for a model that is no folder.

    Returns:
        a row for each of the file, in the same order: its columns, of CSV as text, and those
        that `output_columns.output_columns` describes.

    Raises:
        MissingFilesError: if there is no such model.
        SavedModelError: if it does not take tf.Examples.
        DataError: if the file cannot be read, or does not fit the model.
    """
    batches = list(_predict(os.fspath(model), pathlib.Path(data), metadata))
    if not batches:
        raise DataError(
            f"{os.fspath(data)} has no rows",
            expected="at least one row to predict",
            fix="check the file",
        )
    return pa.Table.from_batches(batches)


def predict_file(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    metadata: str | None = None,
) -> int:
    """Writes what `predict_table` returns to a CSV or Parquet file, whole or not at all.

    Args:
        model: see `predict_table`.
        data: see `predict_table`.
        output: its name ends in .csv or .parquet. A file that is there is replaced.
        metadata: see `predict_table`.

    Returns:
        the number of rows.

    Raises:
        UnsupportedOptionError: if `output` has another ending, or is `data`.
        TfxEstimatorsError: as `predict_table` raises it.
    """
    path = pathlib.Path(output)
    if path.suffix not in _ENDINGS:
        raise UnsupportedOptionError(
            f"{path} ends in {path.suffix or 'nothing'}",
            expected=" or ".join(_ENDINGS),
            fix=f"-o {path.with_suffix('.csv')}",
        )
    if same(os.fspath(data), os.fspath(output)):
        raise UnsupportedOptionError(
            f"{path} is read and written", expected="two files", fix="name another output"
        )
    table = predict_table(model, data, metadata)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.suffix == ".csv":
            _write_csv(table, unfinished)
        else:
            pq.write_table(table, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return int(table.num_rows)


def _predict(model: str, data: pathlib.Path, metadata: str | None) -> Iterator[pa.RecordBatch]:
    if not data.is_file():
        raise DataError(
            f"{data} {'is a folder' if data.is_dir() else 'does not exist'}",
            expected="a CSV, Parquet or TFRecord file",
            fix="check the path",
        )
    signature = find_signature(find_saved_model(model, metadata), PREDICT)
    features = feature_types(signature)
    heads = prediction_heads(signature)
    wanted = outputs_of(signature, heads)
    encoder = ExampleEncoder(schema_pb2.Schema().SerializeToString())
    for own, inputs in read_rows(data, features):
        if not own.num_rows:
            continue
        made = output_columns(heads, signature(encoder.encode(inputs), wanted))
        yield beside(own, made, str(data))


def _write_csv(table: pa.Table, path: pathlib.Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        for place, batch in enumerate(table.to_batches()):
            file.write(csv_rows(batch, with_header=not place))
