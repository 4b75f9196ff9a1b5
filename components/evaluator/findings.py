"""From TFMA's result messages to a `Report`: plain functions over protocol buffers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tfx_estimators.components.evaluator.report import OVERALL, Check, SliceMetrics
from tfx_estimators.errors import EvaluationError

__all__ = ["find_checks", "slice_metrics", "verdict"]


def slice_metrics(results: Iterable[Any], baseline: str | None) -> tuple[SliceMetrics, ...]:
    """Scalar metrics by slice.

    Args:
        results: TFMA's `MetricsForSlice` messages.
        baseline: the baseline model's name in them, or None.
    """
    slices = []
    for result in results:
        own: dict[str, float] = {}
        other: dict[str, float] = {}
        for item in result.metric_keys_and_values:
            value = _scalar(item.value)
            if value is not None and not item.key.is_diff:
                theirs = baseline is not None and item.key.model_name == baseline
                (other if theirs else own)[_metric_name(item.key)] = value
        slices.append(SliceMetrics(_slice_name(result), own, other))
    return tuple(sorted(slices, key=lambda one: (one.slice != OVERALL, one.slice)))


def find_checks(
    results: Sequence[Any],
    validation: Any,
    thresholds: Iterable[tuple[Any, Any, Any]],
    baseline: str | None,
) -> tuple[Check, ...]:
    """Every threshold on every slice it applies to, passed or failed.

    Args:
        results: TFMA's `MetricsForSlice` messages.
        validation: TFMA's `ValidationResult`.
        thresholds: (`MetricKey` message, slicing spec or None for overall, threshold).
        baseline: the baseline model's name, or None.

    Raises:
        EvaluationError: if a threshold is on a metric that was not computed.
    """
    failures = {
        (_slice_name(failed), failure.metric_key.SerializeToString(deterministic=True))
        for failed in validation.metric_validations_per_slice
        for failure in failed.failures
    }
    computed = {
        (_slice_name(result), item.key.SerializeToString(deterministic=True)): item
        for result in results
        for item in result.metric_keys_and_values
    }
    checks = []
    for key, spec, threshold in thresholds:
        if baseline is not None and key.model_name == baseline:
            continue
        wanted = key.SerializeToString(deterministic=True)
        if not any(found == wanted for _, found in computed):
            names = sorted({_metric_name(item.key) for item in computed.values()})
            raise EvaluationError(
                f"a threshold is set on the metric {_metric_name(key)!r}, which is not computed",
                expected=f"one of {', '.join(names)}",
                fix="correct the name in eval_config, or put the threshold into the metric",
            )
        for result in results:
            name = _slice_name(result)
            if _matches(result, spec) and (name, wanted) in computed:
                checks.append(
                    Check(
                        metric=_metric_name(key),
                        slice=name,
                        rule=_rule(threshold),
                        value=_scalar(computed[name, wanted].value),
                        passed=(name, wanted) not in failures,
                    )
                )
    return tuple(sorted(checks, key=lambda one: (one.slice != OVERALL, one.slice)))


def verdict(validation: Any, checks: Sequence[Check], *, skipped_changes: bool) -> str:
    """The verdict in words.

    Args:
        validation: TFMA's `ValidationResult`.
        checks: what `find_checks` found.
        skipped_changes: change thresholds were skipped for want of a baseline.
    """
    reasons = [
        f"{check.metric} ({check.slice}) is {check.value:.6g}, wanted {check.rule}"
        for check in checks
        if not check.passed and check.value is not None
    ]
    for missing in (*validation.missing_slices, *validation.missing_cross_slices):
        reasons.append(f"no examples in the slice {{{' '.join(str(missing).split())}}}")
    if reasons:
        return "; ".join(reasons)
    if not validation.validation_ok:
        return "a threshold failed"
    passed = f"{len(checks)} thresholds passed" if len(checks) != 1 else "1 threshold passed"
    if skipped_changes:
        return f"{passed}; change thresholds skipped, there is no baseline yet"
    return passed


def _slice_name(result: Any) -> str:
    if result.HasField("cross_slice_key"):
        cross = result.cross_slice_key
        baseline, comparison = cross.baseline_slice_key, cross.comparison_slice_key
        return f"{_one_slice_name(comparison)} against {_one_slice_name(baseline)}"
    return _one_slice_name(result.slice_key)


def _one_slice_name(key: Any) -> str:
    return ", ".join(f"{c}: {v}" for c, v in _columns(key)) or OVERALL


def _columns(key: Any) -> list[tuple[str, str]]:
    columns = []
    for one in key.single_slice_keys:
        value = getattr(one, one.WhichOneof("kind"))
        columns.append((one.column, value.decode() if isinstance(value, bytes) else str(value)))
    return columns


def _matches(result: Any, spec: Any) -> bool:
    cross = result.HasField("cross_slice_key")
    if spec is None:
        return not cross and not result.slice_key.single_slice_keys
    if spec.DESCRIPTOR.name == "CrossSlicingSpec":
        if not cross:
            return False
        key = result.cross_slice_key
        return _key_matches(key.baseline_slice_key, spec.baseline_spec) and any(
            _key_matches(key.comparison_slice_key, one) for one in spec.slicing_specs
        )
    return not cross and _key_matches(result.slice_key, spec)


def _key_matches(key: Any, spec: Any) -> bool:
    columns = dict(_columns(key))
    wanted = set(spec.feature_keys) | set(spec.feature_values)
    return set(columns) == wanted and all(
        columns[name] == value for name, value in spec.feature_values.items()
    )


def _metric_name(key: Any) -> str:
    name = str(key.name)
    for part in ("class_id", "k", "top_k"):
        if key.sub_key.HasField(part):
            name += f" ({part} {getattr(key.sub_key, part).value})"
    for part in ("micro_average", "macro_average", "weighted_macro_average"):
        if getattr(key.aggregation_type, part):
            name += f" ({part})"
    return name


def _scalar(value: Any) -> float | None:
    kind = value.WhichOneof("type")
    if kind == "double_value":
        return float(value.double_value.value)
    if kind == "bounded_value":
        return float(value.bounded_value.value.value)
    return None


def _rule(threshold: Any) -> str:
    bounds = []
    if threshold.DESCRIPTOR.name == "GenericValueThreshold":
        if threshold.HasField("lower_bound"):
            bounds.append(f"at least {threshold.lower_bound.value:g}")
        if threshold.HasField("upper_bound"):
            bounds.append(f"at most {threshold.upper_bound.value:g}")
    else:
        direction = "at most" if threshold.direction == 1 else "at least"  # LOWER_IS_BETTER
        if threshold.HasField("absolute"):
            bounds.append(f"a change of {direction} {threshold.absolute.value:+g}")
        if threshold.HasField("relative"):
            bounds.append(f"a relative change of {direction} {threshold.relative.value:+g}")
    return " and ".join(bounds)
