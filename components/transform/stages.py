"""The Beam stages: read, summarize or analyse, transform, write the examples."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import apache_beam as beam
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.utils.shared import Shared
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio import tensor_adapter, tf_example_record

from tfx_estimators.components.examples import Split
from tfx_estimators.components.progress import count_examples
from tfx_estimators.components.record_sink import RecordSink
from tfx_estimators.components.transform.analysis import Analysis, Summarize, WriteAnswers
from tfx_estimators.components.transform.analyzer_cache import AnalyzerCache
from tfx_estimators.components.transform.analyzers import MOST_ENTRIES
from tfx_estimators.components.transform.distinct import DistinctLimit
from tfx_estimators.components.transform.reading import ReadExamples
from tfx_estimators.components.transform.transform_graph import ApplyGraph
from tfx_estimators.components.transform.writing import EncodeExamples

__all__ = [
    "RawData",
    "analyze",
    "describe_raw",
    "describe_transformed",
    "summarize",
    "transform_split",
]


class RawData:
    """Raw examples as TF Transform takes them: record batches of some features.

    Args:
        schema: `schema_pb2.Schema` of the raw examples.
        keys: the features to decode; all where not given.
        limited: feature -> name of the column that may not have too many of its values.

    Attributes:
        schema: of the features that are decoded.
        type_specs: raw feature -> `tf.TypeSpec`, of all features.
    """

    def __init__(
        self,
        schema: Any,
        keys: Collection[str] | None = None,
        limited: Mapping[str, str] | None = None,
    ) -> None:
        self._limited = dict(limited or {})
        self.schema = schema if keys is None else _project(schema, keys)
        self.type_specs = dict(_tfxio(schema).TensorAdapter().OriginalTypeSpecs())

    @property
    def plain_features(self) -> list[str]:
        """Features that are presented as they are in the examples, none made up or joined."""
        if _is_exact(self.schema):
            return []
        return [feature.name for feature in self.schema.feature if feature.name in self.type_specs]

    @property
    def tensor_adapter_config(self) -> Any:
        """How record batches become tensors."""
        config = _tfxio(self.schema).TensorAdapterConfig()
        # The graph takes every feature; TF Transform makes up those that nothing uses.
        return tensor_adapter.TensorAdapterConfig(
            config.arrow_schema, config.tensor_representations, self.type_specs
        )

    def read(self, split: Split, counted_as: str, *, exact: bool = False) -> Any:
        """A Beam transform: pipeline -> `pyarrow.RecordBatch`es of a split.

        Args:
            split: what to read.
            counted_as: what the examples are counted as, see `count_examples`.
            exact: whether a missing feature has to be null, not an empty list.
        """
        name = f"{counted_as}[{split.name}]"
        examples = ReadExamples(self.schema, exact=exact or _is_exact(self.schema))
        return f"Read[{name}]" >> _Read(split, name, examples, self._limited)


class _Read(beam.PTransform):
    def __init__(
        self, split: Split, name: str, examples: ReadExamples, limited: Mapping[str, str]
    ) -> None:
        super().__init__()
        self._split = split
        self._name = name
        self._examples = examples
        self._limited = limited

    def expand(self, pipeline: Any) -> Any:
        batches = (
            pipeline
            | "Files" >> beam.Create(list(self._split.files))
            | "Spread" >> beam.Reshuffle()
            | "Parse" >> beam.ParDo(self._examples)
            | count_examples(self._name, size=operator.attrgetter("num_rows"))
        )
        if not self._limited:
            return batches
        return batches | "Limit" >> beam.ParDo(DistinctLimit(self._limited, MOST_ENTRIES))


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


def summarize(pipeline: Any, schema: Any, splits: Sequence[Split], analysis: Analysis) -> None:
    """Answers an analysis's questions, reading only the features that they are about.

    Args:
        pipeline: the Beam pipeline.
        schema: of the raw examples.
        splits: what to learn from.
        analysis: whose questions; its answers can be read when the pipeline has run.
    """
    groups = analysis.groups()
    data = RawData(schema, {question.feature for question in analysis.questions})
    _ = (
        [pipeline | data.read(split, "analyzed") for split in splits]
        | "FlattenAnalyzed" >> beam.Flatten(pipeline=pipeline)
        | "Summarize" >> beam.ParDo(Summarize(groups, MOST_ENTRIES))
        | "Gather" >> beam.GroupByKey()
        | "WriteAnswers" >> beam.ParDo(WriteAnswers(groups, analysis.folder))
    )


def analyze(
    pipeline: Any,
    schema: Any,
    splits: Sequence[Split],
    preprocessing: Any,
    limited: Mapping[str, str],
    folder: str,
    cache: AnalyzerCache | None = None,
) -> None:
    """Runs TF Transform's analyses over some splits and writes the transform graph.

    Args:
        pipeline: the Beam pipeline.
        schema: of the raw examples.
        splits: what to learn from; not read at all if nothing is to be learned.
        preprocessing: the preprocessing function.
        limited: see `RawData`.
        folder: of the TransformGraph artifact.
        cache: where analyses are kept, if they are.
    """
    keys = tft.get_analyze_input_columns(preprocessing, RawData(schema).type_specs)
    data = RawData(schema, keys or None, limited)
    if keys and cache is not None:
        transform_fn = cache.analyze(pipeline, data, splits, preprocessing)
    else:
        batches = [pipeline | data.read(split, "analyzed") for split in splits] if keys else []
        examples = batches | "FlattenAnalyzed" >> beam.Flatten(pipeline=pipeline)
        transform_fn = (
            examples,
            data.tensor_adapter_config,
        ) | "Analyze" >> tft_beam.AnalyzeDataset(preprocessing)
    _ = transform_fn | "WriteTransformFn" >> tft_beam.WriteTransformFn(folder)


def transform_split(
    pipeline: Any, data: RawData, split: Split, graph: str, loaded: Shared, folder: str
) -> Any:
    """Transforms a split and writes it as gzipped TFRecords of tf.Examples.

    Args:
        pipeline: the Beam pipeline.
        data: how to read the split.
        split: which.
        graph: folder of the TransformGraph artifact.
        loaded: holds the graph, see `ApplyGraph`.
        folder: of the split in the Examples artifact.

    Returns:
        the transformed `pyarrow.RecordBatch`es.
    """
    schema = tft.TFTransformOutput(graph).transformed_metadata.schema
    apply = ApplyGraph(graph, data.tensor_adapter_config, loaded)
    batches = (
        pipeline | data.read(split, "transformed") | f"Transform[{split.name}]" >> beam.ParDo(apply)
    )
    _ = (
        batches
        | f"Encode[{split.name}]" >> beam.ParDo(EncodeExamples(schema))
        | f"Write[{split.name}]" >> beam.io.Write(RecordSink(f"{folder}/transformed_examples"))
    )
    return batches


def describe_raw(
    pipeline: Any, data: RawData, splits: Sequence[Split], statistics: str, schema: str
) -> None:
    """Writes statistics and schema of raw examples.

    Args:
        pipeline: the Beam pipeline.
        data: how to read the splits.
        splits: what is described together.
        statistics: folder of the ExampleStatistics artifact.
        schema: folder of the Schema artifact.
    """
    from tfx_estimators.components.transform.statistics import write_schema, write_statistics

    batches = [pipeline | data.read(split, "described", exact=True) for split in splits]
    together = batches | "FlattenDescribed" >> beam.Flatten(pipeline=pipeline)
    write_statistics(together, "raw", data.schema, statistics)
    write_schema(data.schema, schema)


def describe_transformed(
    pipeline: Any, batches: Sequence[Any], schema: Any, folders: Mapping[str, str]
) -> None:
    """Writes statistics, schema and anomalies of transformed examples.

    Args:
        pipeline: the Beam pipeline.
        batches: what `transform_split` returned for the splits.
        schema: `schema_pb2.Schema` of the transformed examples.
        folders: of the artifacts "statistics", "schema" and "anomalies".
    """
    from tfx_estimators.components.transform.statistics import (
        write_anomalies,
        write_schema,
        write_statistics,
    )

    together = batches | "FlattenTransformed" >> beam.Flatten(pipeline=pipeline)
    found = write_statistics(together, "transformed", schema, folders["statistics"])
    write_schema(schema, folders["schema"])
    write_anomalies(found, schema, folders["anomalies"])
