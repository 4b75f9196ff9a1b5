"""All that an evaluation is made of: models, heads, columns and examples, found and checked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from tfx_estimators.components.evaluator import eval_config as configs
from tfx_estimators.components.evaluator import model_analysis
from tfx_estimators.components.evaluator.inputs.chosen_columns import Columns, choose_columns
from tfx_estimators.components.evaluator.inputs.extracts import EvaluatedModel
from tfx_estimators.components.evaluator.inputs.transformed_columns import transformed_names
from tfx_estimators.components.examples import Split, find_splits, read_batches
from tfx_estimators.components.heads import find_heads
from tfx_estimators.components.saved_model import PREDICT, examples_path, find_signature
from tfx_estimators.errors import LabelError
from tfx_estimators.terminal import say

__all__ = ["Prepared", "prepare"]


@dataclasses.dataclass(frozen=True)
class Prepared:
    """An evaluation before it runs.

    Attributes:
        model: the Model artifact that is evaluated.
        baseline: the one that it is compared with, or None.
        config: the EvalConfig, complete.
        models: what is called, the baseline's too.
        columns: labels, weights and slices.
        transform_graph: URI of the TransformGraph artifact, or None.
        schema: `schema_pb2.Schema` of the raw examples, or None.
        splits: the examples.
        skipped_changes: whether change thresholds are skipped for want of a baseline.
    """

    model: Artifact
    baseline: Artifact | None
    config: Any
    models: Sequence[EvaluatedModel]
    columns: Columns
    transform_graph: str | None
    schema: Any
    splits: Sequence[Split]
    skipped_changes: bool


def prepare(
    input_dict: Mapping[str, list[Artifact]], exec_properties: Mapping[str, Any]
) -> Prepared:
    """Finds and checks everything; see `EstimatorEvaluator` for inputs and errors.

    Args:
        input_dict: the component's inputs.
        exec_properties: its parameters.
    """
    model = artifact_utils.get_single_instance(input_dict["model"])
    baseline = _optional(input_dict, "baseline_model")
    graph = _transform_graph(input_dict, model)
    schema = _read_schema(_optional(input_dict, "schema"))
    splits = find_splits(input_dict["examples"], json.loads(exec_properties["example_splits"]))
    config = configs.from_json(exec_properties["eval_config"])
    signature = find_signature(
        examples_path(model), configs.candidate_spec(config).signature_name or PREDICT
    )
    wanted = configs.with_defaults(
        config,
        # A trainer says on its model which feature its module takes for the label.
        label_key=exec_properties.get("label_key") or _property(model, "label_key"),
        example_weight_key=exec_properties.get("example_weight_key"),
        outputs=signature.output_names,
        facts=dict(zip(signature.output_names, signature.outputs, strict=True)),
    )
    configs.candidate_spec(wanted).signature_name = signature.name
    resolved = model_analysis.resolve(wanted, has_baseline=baseline is not None)
    return Prepared(
        model=model,
        baseline=baseline,
        config=resolved,
        models=_find_models(resolved, model, baseline),
        columns=choose_columns(
            resolved,
            raw=_raw_names(schema, splits),
            transformed=transformed_names(graph) if graph is not None else (),
        ),
        transform_graph=graph,
        schema=schema,
        splits=splits,
        skipped_changes=baseline is None and model_analysis.has_change_thresholds(wanted),
    )


def _property(artifact: Artifact, name: str) -> str | None:
    if not artifact.has_custom_property(name):
        return None
    return artifact.get_string_custom_property(name) or None


def _transform_graph(artifacts: Mapping[str, list[Artifact]], model: Artifact) -> str | None:
    """URI of the one that is given, else of the one that the model says it was trained with."""
    given = _optional(artifacts, "transform_graph")
    if given is not None:
        return str(given.uri)
    noted = _property(model, "transform_graph")
    if noted is None:
        return None
    if not fileio.exists(noted):
        say(
            f"EstimatorEvaluator: the transform graph {noted}, which the model was trained with, "
            "is missing: labels and slices come from the raw examples alone"
        )
        return None
    return noted


def _optional(artifacts: Mapping[str, list[Artifact]], key: str) -> Artifact | None:
    found = artifacts.get(key) or []
    return artifact_utils.get_single_instance(found) if found else None


def _read_schema(schema: Artifact | None) -> Any:
    if schema is None:
        return None
    return io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))


def _raw_names(schema: Any, splits: Sequence[Split]) -> Collection[str]:
    if schema is not None:
        return {feature.name for feature in schema.feature}
    first = next(read_batches(splits[0].files))
    return {name for one in first for name in tf.train.Example.FromString(one).features.feature}


def _find_models(config: Any, model: Artifact, baseline: Artifact | None) -> list[EvaluatedModel]:
    models = []
    for spec in config.model_specs:
        artifact = baseline if spec.is_baseline else model
        assert artifact is not None, "specs without a model were removed"
        signature = find_signature(examples_path(artifact), spec.signature_name)
        facts = dict(zip(signature.output_names, signature.outputs, strict=True))
        heads = find_heads(signature.output_names, facts, spec.prediction_key)
        models.append(EvaluatedModel(spec.name, signature, heads))
    if len({tuple(head.name for head in one.heads) for one in models}) > 1:
        raise LabelError(
            "the model and its baseline have different heads: "
            + " and ".join(", ".join(head.name or "one" for head in m.heads) for m in models),
            expected="a baseline with the heads of the model",
            fix="leave out baseline_model for the first model with different heads",
        )
    return models
