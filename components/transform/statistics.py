"""Statistics before and after the transform, as stock TFX Transform writes them."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.utils import io_utils

__all__ = ["write_anomalies", "write_schema", "write_statistics"]

# The files' names in stock Transform's artifacts.
_STATISTICS_FILE = "FeatureStats.pb"
_ANOMALIES_FILE = "SchemaDiff.pb"
_SCHEMA_FILE = "schema.pbtxt"


def write_statistics(batches: Any, label: str, schema: Any, folder: str) -> Any:
    """Computes the statistics of record batches and writes them.

    Args:
        batches: `pyarrow.RecordBatch`es of list columns, null where a feature is missing.
        label: of the Beam stages.
        schema: `schema_pb2.Schema` of the batches.
        folder: of the ExampleStatistics artifact.

    Returns:
        the one `DatasetFeatureStatisticsList`.
    """
    options = tfdv.StatsOptions(schema=schema, experimental_use_sketch_based_topk_uniques=True)
    statistics = batches | f"Statistics[{label}]" >> tfdv.GenerateStatistics(options)
    path = f"{folder}/{_STATISTICS_FILE}"
    _ = statistics | f"Write[{label}]" >> tfdv.WriteStatisticsToBinaryFile(path)
    return statistics


def write_anomalies(statistics: Any, schema: Any, folder: str) -> None:
    """Validates statistics and writes what is found.

    Args:
        statistics: what `write_statistics` returned.
        schema: `schema_pb2.Schema` to validate against.
        folder: of the ExampleAnomalies artifact.
    """
    _ = (
        statistics
        | "Validate" >> beam.Map(_validate, schema.SerializeToString())
        | "WriteAnomalies"
        >> beam.io.WriteToText(
            f"{folder}/{_ANOMALIES_FILE}",
            append_trailing_newlines=False,
            shard_name_template="",
            coder=beam.coders.ProtoCoder(anomalies_pb2.Anomalies),
        )
    )


def write_schema(schema: Any, folder: str) -> None:
    """Writes a `schema_pb2.Schema` into the folder of its artifact."""
    io_utils.write_pbtxt_file(f"{folder}/{_SCHEMA_FILE}", schema)


def _validate(statistics: Any, schema: bytes) -> Any:
    return tfdv.validate_statistics(statistics, schema_pb2.Schema.FromString(schema))
