"""Runs an evaluation: one Beam pipeline, then the verdict.

Private name: `BaseExecutor._log_startup`, seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from tfx_estimators.components.beam_executor import BeamExecutor
from tfx_estimators.components.evaluator import eval_config as configs
from tfx_estimators.components.evaluator import model_analysis
from tfx_estimators.components.evaluator.heads import find_heads
from tfx_estimators.components.evaluator.inputs.chosen_columns import choose_columns
from tfx_estimators.components.evaluator.inputs.extracts import EvaluatedModel, ExtractExamples
from tfx_estimators.components.evaluator.inputs.transformed_columns import transformed_names
from tfx_estimators.components.evaluator.metrics.batch_metrics import metric_classes, why_by_example
from tfx_estimators.components.evaluator.outcome.blessing import write_blessing
from tfx_estimators.components.evaluator.outcome.findings import (
    blockers,
    find_checks,
    slice_metrics,
    verdict,
)
from tfx_estimators.components.evaluator.outcome.skew import find_skew
from tfx_estimators.components.evaluator.report import Check, Report, Skew, save_report
from tfx_estimators.components.examples import Split, batch_reader, find_splits, read_batches
from tfx_estimators.components.progress import count_examples
from tfx_estimators.components.saved_model import (
    PREDICT,
    examples_path,
    find_signature,
)
from tfx_estimators.errors import EvaluationError, LabelError

__all__ = ["EvaluatorExecutor"]


class EvaluatorExecutor(BeamExecutor):
    """Executor of `EstimatorEvaluator`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates; see `EstimatorEvaluator` for inputs, outputs and errors."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(input_dict["model"])
        baseline = _optional(input_dict, "baseline_model")
        graph = _transform_graph(input_dict, model)
        schema = _read_schema(_optional(input_dict, "schema"))
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
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
        skipped_changes = baseline is None and model_analysis.has_change_thresholds(wanted)
        models = _find_models(resolved, model, baseline)
        columns = choose_columns(
            resolved,
            raw=_raw_names(schema, splits),
            transformed=transformed_names(graph) if graph is not None else (),
        )
        measured: dict[str, set[str]] = {}
        for head in (head for one in models for head in one.heads):
            measured.setdefault(head.name, set()).add(head.like)
        why = why_by_example(resolved, measured)
        if why is not None:
            print(f"EstimatorEvaluator: goes example by example: {why}", file=sys.stderr)
        extract = ExtractExamples(
            columns,
            models,
            graph,
            schema,
            measures=metric_classes(resolved) if why is None else None,
        )
        with self._beam_pipeline("EstimatorEvaluator") as pipeline:
            batches = [pipeline | batch_reader(split) for split in splits]
            _ = (
                batches
                | "FlattenSplits" >> beam.Flatten(pipeline=pipeline)
                | count_examples("evaluated", size=len)
                | "Extract" >> beam.ParDo(extract)
                | model_analysis.analyze(
                    resolved,
                    models,
                    evaluation.uri,
                    rubber_stamp=skipped_changes,
                    over_batches=why is None,
                )
            )
        candidate = next(m for m in models if m.name != model_analysis.baseline_name(resolved))
        skew = _find_skew(candidate, graph, splits)
        report = _make_report(
            resolved, evaluation.uri, models, skew, skipped_changes=skipped_changes
        )
        save_report(report, evaluation.uri)
        if report.blessed is not None:
            write_blessing(
                artifact_utils.get_single_instance(output_dict["blessing"]),
                blessed=report.blessed,
                model=model,
                baseline=baseline,
                component_id=exec_properties.get("current_component_id"),
            )


def _property(artifact: Artifact, name: str) -> str | None:
    if not artifact.has_custom_property(name):
        return None
    return artifact.get_string_custom_property(name) or None


def _transform_graph(artifacts: dict[str, list[Artifact]], model: Artifact) -> str | None:
    """URI of the one that is given, else of the one that the model says it was trained with."""
    given = _optional(artifacts, "transform_graph")
    if given is not None:
        return str(given.uri)
    noted = _property(model, "transform_graph")
    if noted is None:
        return None
    if not fileio.exists(noted):
        print(
            f"EstimatorEvaluator: the transform graph {noted}, which the model was trained with, "
            "is missing: labels and slices come from the raw examples alone",
            file=sys.stderr,
        )
        return None
    return noted


def _optional(artifacts: dict[str, list[Artifact]], key: str) -> Artifact | None:
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


def _find_skew(
    model: EvaluatedModel, transform_graph: str | None, splits: Sequence[Split]
) -> Skew | None:
    """The skew of the first head that has any."""
    found = None
    for head in model.heads:
        found = find_skew(model.signature, head.prediction, transform_graph, splits)
        if found is None or found.differing:
            break
    return found


def _make_report(
    config: Any,
    evaluation_uri: str,
    models: Sequence[EvaluatedModel],
    skew: Skew | None,
    *,
    skipped_changes: bool,
) -> Report:
    thresholds = model_analysis.thresholds(config)
    results = model_analysis.load_metrics(evaluation_uri)
    if not results:
        raise EvaluationError(
            "the evaluation found no metrics",
            expected="at least one slice of eval_config.slicing_specs with examples in it",
            fix="add the overall slice: slicing_specs {}",
        )
    baseline = model_analysis.baseline_name(config)
    blessed: bool | None = None
    reason = "no thresholds are set, so there is no verdict"
    checks: tuple[Check, ...] = ()
    if thresholds or skipped_changes:
        validation = model_analysis.load_validation(evaluation_uri)
        checks = find_checks(results, validation, thresholds, baseline)
        blessed = not blockers(validation, checks)
        for check in checks:
            if not check.passed:
                print(f"EstimatorEvaluator: {check}", file=sys.stderr)
        reason = verdict(validation, checks, skipped_changes=skipped_changes)
    if skew is not None and skew.differing:
        # Its metrics are of what it is served, which is not what it has learned.
        print(f"EstimatorEvaluator: {skew}", file=sys.stderr)
        reason = str(skew) if blessed is not False else f"{reason}; {skew}"
        blessed = False
    paths = {model.name == baseline: model.signature.path for model in models}
    return Report(
        blessed=blessed,
        reason=reason,
        slices=slice_metrics(results, baseline),
        checks=checks,
        model=paths[False],
        baseline=paths.get(True),
        skew=skew,
    )
