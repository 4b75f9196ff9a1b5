"""TFMA's EvalConfig: reading it, refusing what cannot be honoured, filling gaps.

TFMA itself takes many seconds to import, so a pipeline definition reads the
configuration with TFMA's generated protocol-buffer module alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf import json_format, text_format

# TFMA's generated module needs this file in the descriptor pool.
from google.protobuf import wrappers_pb2 as _wrappers_pb2  # noqa: F401
from google.protobuf.message import Message

from tfx_estimators.components.definition_modules import import_definition_modules
from tfx_estimators.components.heads import Head, Kind, find_heads
from tfx_estimators.components.saved_model import Output
from tfx_estimators.errors import LabelError, UnsupportedOptionError
from tfx_estimators.json_text import dumps

__all__ = [
    "candidate_spec",
    "check_supported",
    "from_json",
    "read",
    "slicing_specs",
    "to_json",
    "with_defaults",
]


# Metrics under the names that estimator.evaluate gives them.
_MEANS = (
    ("MeanLabel", {"name": "label/mean"}),
    ("MeanPrediction", {"name": "prediction/mean"}),
)
_AREAS = (
    ("EstimatorAUC", {"name": "auc"}),
    ("EstimatorAUC", {"name": "auc_precision_recall", "curve": "PR"}),
)
_CROSS_ENTROPY = ("BinaryCrossEntropy", {"name": "average_loss"})
_DEFAULT_METRICS: dict[Kind, tuple[tuple[str, dict[str, Any]], ...]] = {
    Kind.BINARY: (
        ("BinaryAccuracy", {"name": "accuracy"}),
        *_AREAS,
        _CROSS_ENTROPY,
        ("Precision", {"name": "precision"}),
        ("Recall", {"name": "recall"}),
        *_MEANS,
    ),
    Kind.MULTI_CLASS: (
        ("SparseCategoricalAccuracy", {"name": "accuracy"}),
        ("SparseCategoricalCrossentropy", {"name": "average_loss"}),
    ),
    Kind.MULTI_LABEL: (*_AREAS, _CROSS_ENTROPY),
    Kind.REGRESSION: (("MeanSquaredError", {"name": "average_loss"}), *_MEANS),
    Kind.LOGISTIC_REGRESSION: (_CROSS_ENTROPY, *_MEANS),
    Kind.POISSON_REGRESSION: (("PoissonLoss", {"name": "average_loss"}), *_MEANS),
    # Its loss is its own, too, so that only the error is known.
    Kind.OTHER_REGRESSION: (("MeanSquaredError", {"name": "mean_squared_error"}), *_MEANS),
}

_OWN_METRICS = {
    "EstimatorAUC": "tfx_estimators.components.evaluator.metrics.estimator_auc",
    "PoissonLoss": "tfx_estimators.components.evaluator.metrics.poisson_loss",
}

_REFUSED_MODEL_OPTIONS = {
    "preprocessing_function_names": "make the feature in preprocessing_fn and pass transform_graph",
    "prediction_keys": "leave it out: the heads' predictions are found by their names",
    "example_weight_keys": "use example_weight_key",
    "padding_options": "leave it out: an estimator's predictions all have the same length",
    "inference_batch_size": "leave it out: batches are as large as the reader makes them",
}
_REFUSED_METRICS_OPTIONS = {
    "output_weights": "name the metrics of each head in a metrics_specs of its own",
    "query_key": "compute ranking metrics from EstimatorPredictor's output",
}
_NEEDED_OUTPUTS = ("metrics", "validations", "eval_config.json")


def read(value: Message | str) -> Message:
    """Reads an EvalConfig.

    Args:
        value: a `tensorflow_model_analysis` EvalConfig, or its text format.

    Raises:
        UnsupportedOptionError: if the text has a field that EvalConfig has not.
    """
    if isinstance(value, Message):
        return value
    try:
        return text_format.Parse(value, _proto().EvalConfig())
    except text_format.ParseError as error:
        raise UnsupportedOptionError(
            f"eval_config cannot be read: {error}",
            expected="an EvalConfig in protocol buffer text format",
            fix="see tensorflow_model_analysis/proto/config.proto for the fields",
        ) from error


def to_json(config: Message) -> str:
    """The configuration as JSON, the form of the execution property."""
    return str(json_format.MessageToJson(config, preserving_proto_field_name=True))


def from_json(text: str) -> Any:
    """Reads what `to_json` wrote."""
    return json_format.Parse(text, _proto().EvalConfig())


def candidate_spec(config: Any) -> Any:
    """The ModelSpec of the model under evaluation, added if there is none."""
    for spec in config.model_specs:
        if not spec.is_baseline:
            return spec
    return config.model_specs.add()


def check_supported(config: Any, label_key: str | None = None) -> None:
    """Refuses every option that would otherwise be ignored.

    Args:
        config: an EvalConfig.
        label_key: the label that is given beside it.

    Raises:
        UnsupportedOptionError: naming the field and what to use.
    """
    _check_model_specs(config.model_specs, label_key)
    names = {spec.name for spec in config.model_specs} | {"", "candidate", "baseline"}
    heads = {head for spec in config.model_specs for head in spec.label_keys}
    for spec in config.metrics_specs:
        _refuse_set_fields("metrics_specs", spec, _REFUSED_METRICS_OPTIONS)
        unknown = sorted(set(spec.model_names) - names)
        if unknown:
            raise _refusal(f"metrics_specs.model_names: {unknown}", "name one of the model_specs")
        unknown = sorted(set(spec.output_names) - heads)
        if unknown:
            raise _refusal(
                f"metrics_specs.output_names: {unknown}",
                "name heads of a multi-head model, each with its label in model_specs.label_keys",
            )
    for slicing in slicing_specs(config):
        if slicing.slice_keys_sql:
            raise _refusal("slicing_specs.slice_keys_sql", "use feature_keys and feature_values")
    if config.cross_slicing_specs and config.options.min_slice_size.value > 1:
        # TFMA looks for the size of a cross slice where it keeps none.
        raise _refusal("options.min_slice_size with cross_slicing_specs", "use one of the two")
    if config.options.include_default_metrics.value:
        raise _refusal(
            "options.include_default_metrics: an estimator's SavedModel holds no metrics",
            "leave it out: without metrics_specs.metrics those of estimator.evaluate are computed",
        )
    disabled = set(config.options.disabled_outputs.values) & set(_NEEDED_OUTPUTS)
    if disabled:
        raise _refusal(
            f"options.disabled_outputs: {sorted(disabled)}", "leave out: the verdict needs it"
        )


def with_defaults(
    config: Any,
    *,
    label_key: str | None,
    example_weight_key: str | None,
    outputs: Sequence[str],
    facts: Mapping[str, Output] | None = None,
) -> Any:
    """A copy with everything filled in that was left out.

    Keys go to the model specs, metrics are those `estimator.evaluate` gives, under
    its names. Thresholds given by the name of a default metric are attached to it. In a
    multi-head model each head has its metrics, and their names end in the head's.

    Args:
        config: an EvalConfig, which may be empty.
        label_key: the label, where the configuration names none.
        example_weight_key: the weight column, where the configuration names none.
        outputs: output names of the candidate's signature.
        facts: what is known of these outputs, by name.

    Raises:
        LabelError: if no label is named, two different ones, or not one for each head.
        UnsupportedOptionError: if the signature's outputs do not tell what to measure.
    """
    filled = type(config)()
    filled.CopyFrom(config)
    candidate = candidate_spec(filled)
    for spec in filled.model_specs:
        spec.signature_name = spec.signature_name or "predict"
        spec.model_type = "tf_generic"
        if not spec.label_keys:
            spec.label_key = _one("label_key", spec.label_key, label_key)
        spec.example_weight_key = _one(
            "example_weight_key", spec.example_weight_key, example_weight_key
        )
        if not (spec.label_key or spec.label_keys):
            raise LabelError(
                "neither label_key nor eval_config.model_specs.label_key is given, and the "
                "model's trainer did not find one",
                expected="the feature, raw or made by the transform, that holds the label",
                fix="pass label_key='...' to EstimatorEvaluator",
            )
    heads = find_heads(outputs, facts or {}, candidate.prediction_key)
    _check_labels(candidate, heads)
    if not any(spec.metrics for spec in filled.metrics_specs):
        _add_default_metrics(filled, heads, outputs)
    elif candidate.label_keys:
        for spec in filled.metrics_specs:
            spec.output_names.extend(() if spec.output_names else [head.name for head in heads])
    if not filled.slicing_specs:
        filled.slicing_specs.add()
    return filled


def _check_labels(spec: Any, heads: Sequence[Head]) -> None:
    """One label for each head."""
    names = {head.name for head in heads if head.name}
    if set(spec.label_keys) == names:
        return
    if not names:
        raise LabelError(
            f"eval_config.model_specs.label_keys is for {', '.join(sorted(spec.label_keys))}, but "
            "the model has one head",
            expected="label_key",
            fix="pass label_key='...' to EstimatorEvaluator",
        )
    keys = " ".join(f"label_keys {{ key: '{name}' value: '...' }}" for name in sorted(names))
    given = ", ".join(sorted(spec.label_keys)) or "no head by name"
    raise LabelError(
        f"the model has the heads {', '.join(sorted(names))}, and the labels given are for {given}",
        expected="a label for each head: the feature, raw or made by the transform",
        fix=f"leave out label_key, and set model_specs {{ {keys} }} in eval_config",
    )


def _add_default_metrics(config: Any, heads: Sequence[Head], outputs: Sequence[str]) -> None:
    spec = config.metrics_specs[0] if config.metrics_specs else config.metrics_specs.add()
    _add_metric(spec, "ExampleCount", {}, spec)
    for head in heads:
        if head.kind is Kind.OTHER:
            raise UnsupportedOptionError(
                "there are no default metrics for a signature with the outputs "
                f"{', '.join(outputs)}",
                expected="an output named logistic, probabilities or predictions",
                fix="name metrics in eval_config.metrics_specs and the output in "
                "eval_config.model_specs.prediction_key",
            )
        own = spec
        if head.name:
            own = config.metrics_specs.add(output_names=[head.name])
            own.model_names.extend(spec.model_names)
            if spec.HasField("example_weights"):
                own.example_weights.CopyFrom(spec.example_weights)
        for class_name, settings in _DEFAULT_METRICS[head.kind]:
            name = f"{settings['name']}/{head.name}" if head.name else settings["name"]
            _add_metric(own, class_name, {**settings, "name": name}, spec)


def _add_metric(spec: Any, class_name: str, settings: Mapping[str, Any], held: Any) -> None:
    """Adds a metric, with the thresholds that another spec holds under its name."""
    metric = spec.metrics.add(class_name=class_name, module=_OWN_METRICS.get(class_name, ""))
    if settings:
        metric.config = dumps(dict(settings))
    name = str(settings.get("name", "example_count"))
    if name in held.thresholds:
        metric.threshold.CopyFrom(held.thresholds[name])
        del held.thresholds[name]
    if name in held.per_slice_thresholds:
        metric.per_slice_thresholds.extend(held.per_slice_thresholds[name].thresholds)
        del held.per_slice_thresholds[name]
    if name in held.cross_slice_thresholds:
        metric.cross_slice_thresholds.extend(held.cross_slice_thresholds[name].thresholds)
        del held.cross_slice_thresholds[name]


def _check_model_specs(specs: Sequence[Any], label_key: str | None) -> None:
    baselines = [spec for spec in specs if spec.is_baseline]
    if len(baselines) > 1 or len(specs) - len(baselines) > 1:
        raise _refusal(
            f"model_specs: {len(specs)} of them",
            "one for the model and at most one with is_baseline for baseline_model",
        )
    for spec in specs:
        _refuse_set_fields("model_specs", spec, _REFUSED_MODEL_OPTIONS)
        if spec.signature_name == "eval":
            raise _refusal(
                "model_specs.signature_name: 'eval', the removed EvalSavedModel",
                "no signature_name, which evaluates 'predict', and the label: "
                "model_specs { label_key: '...' }, or label_key= of EstimatorEvaluator",
            )
        if (spec.label_key or label_key) and spec.label_keys:
            raise _refusal(
                "model_specs.label_keys beside label_key",
                "use label_keys for a multi-head model, label_key for any other",
            )
        if spec.model_type not in ("", "tf_generic"):
            raise _refusal(
                f"model_specs.model_type: {spec.model_type!r}",
                "leave it out: the SavedModel's signature is called directly",
            )
    if len({(spec.label_key, *sorted(spec.label_keys.items())) for spec in specs}) > 1:
        raise _refusal("model_specs.label_key: two different ones", "give both models one label")
    if len({spec.example_weight_key for spec in specs}) > 1:
        raise _refusal("model_specs.example_weight_key: two different ones", "give both one weight")


def _refuse_set_fields(path: str, message: Any, refused: dict[str, str]) -> None:
    for descriptor, _ in message.ListFields():
        if descriptor.name in refused:
            raise _refusal(f"{path}.{descriptor.name}", refused[descriptor.name])


def _refusal(field: str, instead: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"EstimatorEvaluator cannot honour eval_config.{field}", expected=instead
    )


def slicing_specs(config: Any) -> Iterable[Any]:
    """Every SlicingSpec in the configuration, also those inside cross slices and thresholds."""
    yield from config.slicing_specs
    for cross in config.cross_slicing_specs:
        yield cross.baseline_spec
        yield from cross.slicing_specs
    for spec in config.metrics_specs:
        for thresholds in spec.per_slice_thresholds.values():
            for threshold in thresholds.thresholds:
                yield from threshold.slicing_specs
        for metric in spec.metrics:
            for threshold in metric.per_slice_thresholds:
                yield from threshold.slicing_specs


def _one(name: str, inner: str, outer: str | None) -> str:
    if inner and outer and inner != outer:
        raise LabelError(
            f"{name}={outer!r}, but eval_config.model_specs.{name} is {inner!r}",
            expected="the same key in both",
            fix=f"leave out the argument {name}",
        )
    return inner or outer or ""


def _proto() -> Any:
    """TFMA's generated `config_pb2`, without running TFMA."""
    import_definition_modules()
    from tfx_estimators.components.evaluator.eval_config_messages import config_pb2

    return config_pb2
