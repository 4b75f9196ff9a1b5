"""Runs an evaluation: one Beam pipeline, then the verdict.

Private name: `BaseExecutor._log_startup`, seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from tfx_estimators.components.beam_executor import BeamExecutor
from tfx_estimators.components.evaluator import model_analysis
from tfx_estimators.components.evaluator.inputs.extracts import EvaluatedModel, ExtractExamples
from tfx_estimators.components.evaluator.metrics.batch_metrics import metric_classes, why_by_example
from tfx_estimators.components.evaluator.outcome.blessing import write_blessing
from tfx_estimators.components.evaluator.outcome.findings import (
    blockers,
    find_checks,
    slice_metrics,
    verdict,
)
from tfx_estimators.components.evaluator.outcome.skew import find_skew
from tfx_estimators.components.evaluator.preparation import prepare
from tfx_estimators.components.evaluator.report import Check, Report, Skew, save_report
from tfx_estimators.components.examples import Split, batch_reader
from tfx_estimators.components.progress import count_examples
from tfx_estimators.errors import EvaluationError
from tfx_estimators.terminal import say

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
        prepared = prepare(input_dict, exec_properties)
        resolved, models, splits = prepared.config, prepared.models, prepared.splits
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        measured: dict[str, set[str]] = {}
        for head in (head for one in models for head in one.heads):
            measured.setdefault(head.name, set()).add(head.like)
        why = why_by_example(resolved, measured)
        if why is not None:
            say(f"EstimatorEvaluator: goes example by example: {why}")
        extract = ExtractExamples(
            prepared.columns,
            models,
            prepared.transform_graph,
            prepared.schema,
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
                    rubber_stamp=prepared.skipped_changes,
                    over_batches=why is None,
                )
            )
        candidate = next(m for m in models if m.name != model_analysis.baseline_name(resolved))
        skew = _find_skew(candidate, prepared.transform_graph, splits)
        report = _make_report(
            resolved, evaluation.uri, models, skew, skipped_changes=prepared.skipped_changes
        )
        save_report(report, evaluation.uri)
        if report.blessed is not None:
            write_blessing(
                artifact_utils.get_single_instance(output_dict["blessing"]),
                blessed=report.blessed,
                model=prepared.model,
                baseline=prepared.baseline,
                component_id=exec_properties.get("current_component_id"),
            )


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
                say(f"EstimatorEvaluator: {check}")
        reason = verdict(validation, checks, skipped_changes=skipped_changes)
    if skew is not None and skew.differing:
        # Its metrics are of what it is served, which is not what it has learned.
        say(f"EstimatorEvaluator: {skew}")
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
