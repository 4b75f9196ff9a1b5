"""From TFMA's result messages to a `Report`: plain functions over protocol buffers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from tfx_estimators.components.evaluator.report import OVERALL, Check, SliceMetrics
from tfx_estimators.errors import EvaluationError

__all__ = ["blockers", "find_checks", "slice_metrics", "verdict"]


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
    """Every threshold on every slice it applies to: passed, failed or not to be told.

    Args:
        results: TFMA's `MetricsForSlice` messages.
        validation: TFMA's `ValidationResult`.
        thresholds: (`MetricKey` message, slicing spec or None for every slice, threshold).
        baseline: the baseline model's name, or None.

    Raises:
        EvaluationError: if a threshold is on a metric that was not computed.
    """
    failures = {
        (_slice_name(failed), _id(failure.metric_key), _id(_threshold(failure)))
        for failed in validation.metric_validations_per_slice
        for failure in failed.failures
    }
    computed = {
        (_slice_name(result), _id(item.key)): _scalar(item.value)
        for result in results
        for item in result.metric_keys_and_values
    }
    checks: dict[Check, None] = {}  # A threshold may be set on a slice twice, in two ways.
    for key, spec, threshold in thresholds:
        if baseline is not None and key.model_name == baseline:
            continue
        wanted = _id(key)
        if not any(found == wanted for _, found in computed):
            raise _not_computed(key, results)
        for result in results:
            if not _matches(result, spec):
                continue
            name = _slice_name(result)
            value = computed.get((name, wanted))
            known = value is not None and not math.isnan(value)
            if known and _is_relative(threshold):
                known = bool(computed.get((name, _baseline_id(key, baseline))))
            check = Check(
                metric=_metric_name(key),
                slice=name,
                rule=_rule(threshold),
                value=value if known else None,
                passed=(name, wanted, _id(threshold)) not in failures if known else None,
            )
            checks.setdefault(check)
    return tuple(sorted(checks, key=lambda one: (one.slice != OVERALL, one.slice)))


def blockers(validation: Any, checks: Sequence[Check]) -> tuple[str, ...]:
    """What keeps a model from being blessed, a line each; nothing if it is blessed.

    A threshold on a metric that is undefined in a slice is neither passed nor failed there.
    It blocks where it is undefined overall, and where no slice at all could be measured.

    Args:
        validation: TFMA's `ValidationResult`.
        checks: what `find_checks` found.
    """
    measured = {(one.metric, one.rule) for one in checks if one.passed is not None}
    reasons = [
        str(one)
        for one in checks
        if one.passed is False
        or (one.passed is None and (one.slice == OVERALL or (one.metric, one.rule) not in measured))
    ]
    for missing in (*validation.missing_slices, *validation.missing_cross_slices):
        reasons.append(f"no examples in the slice {{{' '.join(str(missing).split())}}}")
    if not (reasons or validation.validation_ok or any(one.passed is None for one in checks)):
        reasons.append("TensorFlow Model Analysis finds that a threshold failed")
    return tuple(reasons)


def verdict(validation: Any, checks: Sequence[Check], *, skipped_changes: bool) -> str:
    """The verdict in words.

    Args:
        validation: TFMA's `ValidationResult`.
        checks: what `find_checks` found.
        skipped_changes: change thresholds were skipped for want of a baseline.
    """
    reasons = list(blockers(validation, checks))
    if not reasons:
        passed = sum(bool(check.passed) for check in checks)
        reasons = [f"{passed} thresholds passed" if passed != 1 else "1 threshold passed"]
        if skipped_changes:
            reasons.append("change thresholds skipped: there is no baseline yet")
    # Those that block are among the reasons already.
    undefined = [str(one) for one in checks if one.passed is None and str(one) not in reasons]
    reasons += [f"{one}, not counted" for one in undefined]
    return "; ".join(reasons)


def _not_computed(key: Any, results: Sequence[Any]) -> EvaluationError:
    names = {_metric_name(item.key) for one in results for item in one.metric_keys_and_values}
    return EvaluationError(
        f"a threshold is set on the metric {_metric_name(key)!r}, which is not computed",
        expected=f"one of {', '.join(sorted(names))}",
        fix="correct the name in eval_config, or put the threshold into the metric",
    )


def _id(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def _baseline_id(key: Any, baseline: str | None) -> bytes:
    """Of the metric that a change is relative to."""
    theirs = type(key)()
    theirs.CopyFrom(key)
    theirs.model_name = baseline or ""
    theirs.is_diff = False
    return _id(theirs)


def _is_relative(threshold: Any) -> bool:
    return "relative" in threshold.DESCRIPTOR.fields_by_name and threshold.HasField("relative")


def _threshold(failure: Any) -> Any:
    """The threshold that was not met: a value's or a change's."""
    held = failure.metric_threshold
    return held.change_threshold if held.HasField("change_threshold") else held.value_threshold


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
    if spec is None:  # TFMA applies it to every slice.
        return not cross
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
    if key.output_name and not name.endswith(f"/{key.output_name}"):
        name += f"/{key.output_name}"
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
