"""The Beam stages: read, analyse, write the graph, transform, write the examples."""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence
from typing import Any

import apache_beam as beam
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio import tensor_adapter, tf_example_record

from tfx_estimators.components.examples import Split
from tfx_estimators.components.progress import count_examples
from tfx_estimators.components.transform.reading import ReadExamples
from tfx_estimators.components.transform.writing import EncodeExamples, ExampleFiles

__all__ = ["RawData", "analyze", "transform_split", "write_graph"]


class RawData:
    """Raw examples as TF Transform takes them: record batches of some features.

    Args:
        schema: `schema_pb2.Schema` of the raw examples.
        keys: the features to decode; all where not given.

    Attributes:
        type_specs: raw feature -> `tf.TypeSpec`, of all features.
    """

    def __init__(self, schema: Any, keys: Collection[str] | None = None) -> None:
        self._schema = schema if keys is None else _project(schema, keys)
        self.type_specs = dict(_tfxio(schema).TensorAdapter().OriginalTypeSpecs())

    @property
    def tensor_adapter_config(self) -> Any:
        """How record batches become tensors."""
        config = _tfxio(self._schema).TensorAdapterConfig()
        # The graph takes every feature; TF Transform makes up those that nothing uses.
        return tensor_adapter.TensorAdapterConfig(
            config.arrow_schema, config.tensor_representations, self.type_specs
        )

    def read(self, split: Split, counted_as: str) -> Any:
        """A Beam transform: pipeline -> `pyarrow.RecordBatch`es of a split."""
        name = f"{counted_as}[{split.name}]"
        return f"Read[{name}]" >> _Read(split, name, self._schema)


class _Read(beam.PTransform):
    def __init__(self, split: Split, name: str, schema: Any) -> None:
        super().__init__()
        self._split = split
        self._name = name
        self._schema = schema

    def expand(self, pipeline: Any) -> Any:
        return (
            pipeline
            | "Files" >> beam.Create(list(self._split.files))
            | "Spread" >> beam.Reshuffle()
            | "Parse" >> beam.ParDo(ReadExamples(self._schema, exact=_is_exact(self._schema)))
            | count_examples(self._name, size=operator.attrgetter("num_rows"))
        )


def _is_exact(schema: Any) -> bool:
    """Whether tensors differ where a feature is missing and where its list is empty."""
    if schema.sparse_feature or schema.tensor_representation_group:
        return True
    representations = _tfxio(schema).TensorRepresentations().values()
    return any(r.dense_tensor.HasField("default_value") for r in representations)


def _tfxio(schema: Any) -> Any:
    return tf_example_record.TFExampleBeamRecord(
        physical_format="tfrecords_gzip",
        telemetry_descriptors=["FeatureColumnTransform"],
        schema=schema,
    )


def _project(schema: Any, keys: Collection[str]) -> Any:
    # Tensors may be made of several features, with names of their own: all are kept.
    if schema.sparse_feature or schema.tensor_representation_group:
        return schema
    projected = schema_pb2.Schema()
    projected.CopyFrom(schema)
    del projected.feature[:]
    projected.feature.extend(f for f in schema.feature if f.name in keys)
    return projected


def analyze(pipeline: Any, schema: Any, splits: Sequence[Split], preprocessing: Any) -> Any:
    """Runs the analysis over some splits, reading only what it needs.

    Args:
        pipeline: the Beam pipeline.
        schema: of the raw examples.
        splits: what to learn from; not read at all if nothing is to be learned.
        preprocessing: the preprocessing function.

    Returns:
        what `tft_beam.AnalyzeDataset` gives: the transform function and its metadata.
    """
    keys = tft.get_analyze_input_columns(preprocessing, RawData(schema).type_specs)
    data = RawData(schema, keys or None)
    if keys:
        batches = [pipeline | data.read(split, "analyzed") for split in splits]
        examples = batches | "FlattenAnalyzed" >> beam.Flatten(pipeline=pipeline)
    else:
        examples = pipeline | "NothingToAnalyze" >> beam.Create([])
    return (examples, data.tensor_adapter_config) | "Analyze" >> tft_beam.AnalyzeDataset(
        preprocessing
    )


def write_graph(pipeline: Any, schema: Any, transform_fn: Any, folder: str) -> None:
    """Writes the transform graph, as `tft.TFTransformOutput` reads it.

    Args:
        pipeline: the Beam pipeline.
        schema: of the raw examples.
        transform_fn: what `analyze` returned.
        folder: of the TransformGraph artifact.
    """
    metadata = tft.DatasetMetadata(schema)
    raw = f"{folder}/{tft.TFTransformOutput.RAW_METADATA_DIR}"
    _ = metadata | "WriteRawMetadata" >> tft_beam.WriteMetadata(raw, pipeline)
    _ = transform_fn | "WriteTransformFn" >> tft_beam.WriteTransformFn(folder)


def transform_split(
    pipeline: Any, data: RawData, split: Split, transform_fn: Any, folder: str
) -> None:
    """Transforms a split and writes it as gzipped TFRecords of tf.Examples.

    Args:
        pipeline: the Beam pipeline.
        data: how to read the split.
        split: which.
        transform_fn: what `analyze` returned.
        folder: of the split in the Examples artifact.
    """
    examples = pipeline | data.read(split, "transformed")
    batches, metadata = (
        (examples, data.tensor_adapter_config),
        transform_fn,
    ) | f"Transform[{split.name}]" >> tft_beam.TransformDataset(output_record_batches=True)
    _ = (
        batches
        | f"WithoutKeys[{split.name}]" >> beam.Keys()
        | f"Encode[{split.name}]" >> beam.ParDo(EncodeExamples(metadata.schema))
        | f"Write[{split.name}]" >> beam.io.Write(ExampleFiles(f"{folder}/transformed_examples"))
    )
