"""Runs the transform: checks, the analysis, the graph and `columns.json`, then the examples.

Private name: `BaseExecutor._log_startup`, seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.utils.shared import Shared
from tfx.components.util import examples_utils
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from tfx_estimators.components.beam_executor import BeamExecutor
from tfx_estimators.components.examples import Split, find_splits
from tfx_estimators.components.transform import stages
from tfx_estimators.components.transform.analysis import Analysis
from tfx_estimators.components.transform.analyzer_cache import AnalyzerCache
from tfx_estimators.components.transform.analyzers import read_facts
from tfx_estimators.components.transform.failures import explain
from tfx_estimators.components.transform.preprocessing import Preprocessing
from tfx_estimators.components.transform.schema_check import (
    check_inputs,
    check_vocabulary_files,
    optional_where_defaulted,
)
from tfx_estimators.components.transform.transform_graph import trace, write_graph, write_raw_schema
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.estimator.columns.columns_file import write_columns
from tfx_estimators.estimator.columns.plan import ColumnPlan
from tfx_estimators.estimator.eager import tensorflow_2
from tfx_estimators.lineage.properties import COLUMNS_FILE

__all__ = ["Executor"]


class Executor(BeamExecutor):
    """Executor of `FeatureColumnTransform`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Transforms; see `FeatureColumnTransform` for inputs, outputs and errors."""
        self._log_startup(input_dict, output_dict, exec_properties)
        # First, since it may turn TensorFlow 2's behavior off.
        UserModule.from_exec_properties(exec_properties).load()
        with tensorflow_2():
            self._transform(input_dict, output_dict, exec_properties)

    def _transform(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        graph = artifact_utils.get_single_instance(output_dict["transform_graph"])
        columns = artifact_utils.get_single_instance(output_dict["feature_columns"])
        examples = input_dict["examples"]
        schema = _read_schema(artifact_utils.get_single_instance(input_dict["schema"]))
        # First: of no examples a schema has no features, which is not what is wrong.
        analyzed = _find_splits(examples, exec_properties["analyze_splits"])
        splits = _find_splits(examples, exec_properties.get("transform_splits"))
        temporary = f"{graph.uri}/.temporary"
        fileio.makedirs(temporary)
        preprocessing = Preprocessing(
            module=UserModule.from_exec_properties(exec_properties),
            label_key=exec_properties.get("label_key") or None,
            custom_config=exec_properties["custom_config"],
            folder=temporary,
            label_values=_label_values(schema, exec_properties.get("label_key")),
        )
        type_specs = stages.RawData(schema).type_specs
        users_own = preprocessing.made(type_specs)
        made = users_own.features
        plan = preprocessing.plan(made)
        check_inputs(plan.inputs, {**{name: m.spec for name, m in made.items()}, **type_specs})
        check_vocabulary_files(plan)
        strict = {*users_own.read, *preprocessing.weights(plan, type_specs, made)}
        schema = optional_where_defaulted(schema, plan.inputs, strict)
        type_specs = stages.RawData(schema).type_specs
        cache = _cache(input_dict, output_dict)
        if cache is None:
            learned = f"{temporary}/learned"
            fileio.makedirs(learned)
            analysis = Analysis(stages.RawData(schema).plain_features, learned)
            preprocessing = dataclasses.replace(preprocessing, analysis=analysis)
        # Building the graph finds what is wrong with the functions and the label.
        traced = trace(preprocessing, type_specs)
        data = stages.RawData(schema, traced.inputs or None)
        transformed = artifact_utils.get_single_instance(output_dict["transformed_examples"])
        folders = _prepare_examples(transformed, [split.name for split in splits])
        made_inputs = {n: m.inputs for n, m in made.items() if n != preprocessing.label_key}
        weights = preprocessing.weights(plan, type_specs, made)
        with (
            _explained(),
            self._beam_pipelines("FeatureColumnTransform") as pipelines,
            tft_beam.Context(temp_dir=temporary, use_deep_copy_optimization=True),
        ):
            if preprocessing.analysis is not None and preprocessing.analysis.questions:
                with pipelines() as pipeline:
                    stages.summarize(pipeline, schema, analyzed, preprocessing.analysis)
                preprocessing.analysis.read_answers()
            write_raw_schema(schema, graph.uri)
            if traced.analyzes:
                limited = plan.unlimited_vocabularies
                with pipelines() as pipeline:
                    stages.analyze(
                        pipeline, schema, analyzed, preprocessing, limited, graph.uri, cache
                    )
            else:
                write_graph(preprocessing, type_specs, graph.uri)
            label = preprocessing.label_key
            _write_columns(plan, graph.uri, columns.uri, label, made_inputs, weights)
            loaded = Shared()
            with pipelines() as pipeline:
                batches = [
                    stages.transform_split(pipeline, data, split, graph.uri, loaded, folder)
                    for split, folder in zip(splits, folders, strict=True)
                ]
                if output_dict.get("pre_transform_stats"):
                    _describe(pipeline, data, analyzed, batches, graph.uri, output_dict)
        fileio.rmtree(temporary)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        raise explained from error


def _find_splits(examples: list[Artifact], names: str | None) -> list[Split]:
    return find_splits(examples, json.loads(names) if names else None, parquet=True)


def _cache(
    inputs: dict[str, list[Artifact]], outputs: dict[str, list[Artifact]]
) -> AnalyzerCache | None:
    if not outputs.get("updated_analyzer_cache"):
        return None
    old = inputs.get("analyzer_cache")
    return AnalyzerCache(
        read_from=artifact_utils.get_single_uri(old) if old else None,
        write_to=artifact_utils.get_single_uri(outputs["updated_analyzer_cache"]),
    )


def _describe(
    pipeline: Any,
    data: stages.RawData,
    analyzed: list[Split],
    batches: list[Any],
    graph: str,
    outputs: dict[str, list[Artifact]],
) -> None:
    folders = {
        key: artifact_utils.get_single_uri(outputs[key])
        for key in outputs
        if key.startswith(("pre_transform_", "post_transform_"))
    }
    stages.describe_raw(
        pipeline,
        data,
        analyzed,
        statistics=folders["pre_transform_stats"],
        schema=folders["pre_transform_schema"],
    )
    stages.describe_transformed(
        pipeline,
        batches,
        tft.TFTransformOutput(graph).transformed_metadata.schema,
        {
            "statistics": folders["post_transform_stats"],
            "schema": folders["post_transform_schema"],
            "anomalies": folders["post_transform_anomalies"],
        },
    )


def _label_values(schema: Any, key: str | None) -> int | None:
    """How many values the schema says that a label has in each example; None if it varies."""
    for feature in schema.feature:
        if feature.name == key and feature.HasField("value_count"):
            least, most = feature.value_count.min, feature.value_count.max
            return int(least) if least == most and least else None
    return 1


def _write_columns(
    plan: ColumnPlan,
    graph: str,
    folder: str,
    label_key: str | None,
    made: Mapping[str, Sequence[str]],
    weights: Sequence[str],
) -> None:
    facts = read_facts(tft.TFTransformOutput(graph), plan.vocabularies)
    # Fails here, not in the trainer, if something was not learned.
    plan.model_columns(facts)
    fileio.makedirs(folder)
    write_columns(f"{folder}/{COLUMNS_FILE}", plan, facts, label_key, made, weights)


def _prepare_examples(examples: Artifact, splits: list[str]) -> list[str]:
    examples.split_names = artifact_utils.encode_split_names(splits)
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    folders = [artifact_utils.get_split_uri([examples], split) for split in splits]
    for folder in folders:
        fileio.makedirs(folder)
    return folders


def _read_schema(schema: Artifact) -> Any:
    return io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))
