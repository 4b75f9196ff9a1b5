"""`tfx-estimators predict`: predictions for the rows of a file."""

from __future__ import annotations

import pathlib

import click

from tfx_estimators.commands.metadata_option import metadata_option, metadata_place
from tfx_estimators.commands.printing import echo

__all__ = ["predict"]


@click.command()
@click.argument("model")
@click.argument("data", type=click.Path(path_type=pathlib.Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=pathlib.Path),
    required=True,
    metavar="FILE",
    help="The file to write, which ends in .csv or .parquet.",
)
@metadata_option
def predict(model: str, data: pathlib.Path, output: pathlib.Path, metadata: str | None) -> None:
    """Write the rows of DATA with a model's predictions beside them.

    MODEL is the folder of a model or of its versions (the newest is taken), a pushed
    version, a model's number, or the beginning of its digest. DATA is a CSV, Parquet or
    TFRecord file with the columns of the training data; the label is not needed. Rows keep
    their order.

    \b
      tfx-estimators predict runs/churn/serving customers.csv -o predictions.csv
    """
    import tensorflow as tf

    from tfx_estimators.pipelines.prediction import predict_file

    tf.get_logger().setLevel("ERROR")
    if metadata is None and not pathlib.Path(model).exists():
        metadata = metadata_place(None)
    rows = predict_file(model, data, output, metadata)
    echo(f"{rows} rows written to {output}")
