"""TensorFlow Model Analysis as this package uses it.

The only module that imports TFMA, but for `auc`, `defined_auc` and `batch_metrics`. Its
names below are the same in TFMA 0.46.0, 0.47.1 and 0.52.0, though not all of them are
exported at the top level in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tensorflow_model_analysis.api import model_eval_lib
from tensorflow_model_analysis.api import types as tfma_types
from tensorflow_model_analysis.extractors import slice_key_extractor
from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import config_util

from tfx_estimators.components.evaluator.inputs.extracts import EvaluatedModel
from tfx_estimators.components.evaluator.metrics import batch_metrics
from tfx_estimators.components.evaluator.metrics.defined_auc import with_defined_areas
from tfx_estimators.components.evaluator.metrics.merged_once import merge_each_part_once
from tfx_estimators.errors import UnsupportedOptionError

__all__ = [
    "analyze",
    "baseline_name",
    "has_change_thresholds",
    "load_metrics",
    "load_validation",
    "resolve",
    "thresholds",
]


def resolve(config: Any, *, has_baseline: bool) -> Any:
    """The configuration for one candidate with or without a baseline.

    With a baseline a model spec is added for it, without one its spec and all change
    thresholds are removed.

    Args:
        config: an EvalConfig, any class of it.
        has_baseline: whether there is a baseline model.

    Raises:
        UnsupportedOptionError: if TFMA finds the configuration contradictory.
    """
    mine = config_pb2.EvalConfig.FromString(config.SerializeToString())
    try:
        mine = config_util.update_eval_config_with_defaults(
            mine, has_baseline=has_baseline, rubber_stamp=True
        )
        config_util.verify_eval_config(mine)
        # Instantiates every metric, so a misspelt class or setting shows here.
        metric_specs.to_computations(mine.metrics_specs, eval_config=mine)
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        raise UnsupportedOptionError(
            f"eval_config is refused by TensorFlow Model Analysis: {error}",
            expected="an EvalConfig that TensorFlow Model Analysis accepts",
            fix="see https://www.tensorflow.org/tfx/model_analysis/metrics",
        ) from error
    return mine


def has_change_thresholds(config: Any) -> bool:
    """Whether any threshold compares with a baseline."""
    return bool(config_util.has_change_threshold(config))


def baseline_name(config: Any) -> str | None:
    """Name of the baseline's model spec, if there is one."""
    return next((str(spec.name) for spec in config.model_specs if spec.is_baseline), None)


def thresholds(config: Any) -> list[tuple[Any, Any, Any]]:
    """Every threshold: (MetricKey message, slicing spec or None for every slice, threshold)."""
    found = metric_specs.metric_thresholds_from_metrics_specs(
        config.metrics_specs, eval_config=config
    )
    return [(key.to_proto(), spec, rule) for key, rules in found.items() for spec, rule in rules]


def analyze(
    config: Any,
    models: Sequence[EvaluatedModel],
    output: str,
    *,
    rubber_stamp: bool,
    over_batches: bool,
) -> Any:
    """A Beam transform: extracts -> metrics and validations written to a folder.

    Args:
        config: a resolved EvalConfig.
        models: the models whose predictions the extracts hold.
        output: folder to write to.
        rubber_stamp: pass the model if only change thresholds were set and there is
            no baseline yet.
        over_batches: whether an extract is of many examples, see `batch_metrics`.
    """
    merge_each_part_once()
    baseline = baseline_name(config)
    shared = [
        tfma_types.EvalSharedModel(
            model_path=model.signature.path,
            model_name=model.name,
            model_type="tf_generic",
            is_baseline=model.name == baseline,
            rubber_stamp=rubber_stamp and model.name != baseline,
        )
        for model in models
    ]
    one_or_both = shared if len(shared) > 1 else shared[0]
    return "Analyze" >> model_eval_lib.ExtractEvaluateAndWriteResults(
        eval_shared_model=one_or_both,
        eval_config=(
            batch_metrics.over_batches(config) if over_batches else with_defined_areas(config)
        ),
        # What is written down is what was asked for, however it was computed.
        writers=model_eval_lib.default_writers(
            output_path=output, eval_shared_model=one_or_both, eval_config=config
        ),
        extractors=[slice_key_extractor.SliceKeyExtractor(eval_config=config, materialize=False)],
        output_path=output,
    )


def load_metrics(output: str) -> list[Any]:
    """The `MetricsForSlice` messages that `analyze` wrote."""
    return list(model_eval_lib.load_metrics(output))


def load_validation(output: str) -> Any:
    """The `ValidationResult` that `analyze` wrote."""
    return model_eval_lib.load_validation_result(output)
