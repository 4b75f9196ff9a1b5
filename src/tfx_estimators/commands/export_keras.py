"""`tfx-estimators export-keras`: a trained estimator as a Keras 3 model."""

from __future__ import annotations

import pathlib

import click

from tfx_estimators.commands.metadata_option import metadata_option, metadata_place
from tfx_estimators.commands.printing import echo

__all__ = ["export_keras"]


@click.command("export-keras")
@click.argument("model")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=pathlib.Path),
    required=True,
    metavar="FILE",
    help="The file to write, which ends in .keras.",
)
@click.option(
    "--data",
    type=click.Path(path_type=pathlib.Path),
    metavar="FILE",
    help="Rows to compare predictions on: CSV, Parquet or TFRecord, with the raw features.",
)
@metadata_option
def export_keras(
    model: str, output: pathlib.Path, data: pathlib.Path | None, metadata: str | None
) -> None:
    """Write a linear model, a network or both as a Keras 3 model.

    MODEL is a model's number, the beginning of its digest, or a pushed version. The Keras
    model has the weights and the preprocessing, takes raw features, and needs nothing of
    this package. What cannot be converted is named, and nothing is written.

    \b
      tfx-estimators export-keras 1795442212 -o taxi.keras --data trips.csv
    """
    import tensorflow as tf

    from tfx_estimators.pipelines import keras_export

    tf.get_logger().setLevel("ERROR")
    made = keras_export.export_keras(model, output, metadata_place(metadata), data)
    for name, (dtype, shape) in made.inputs.items():
        shown = ", ".join("any number" if size is None else str(size) for size in shape)
        echo(f"{name}: {dtype} [batch, {shown}]")
    if made.parity is None:
        echo("predictions were not compared: pass --data")
    else:
        echo(f"largest difference over {made.parity.rows} rows: {made.parity.difference:.3g}")
    echo(f"written to {output}")
