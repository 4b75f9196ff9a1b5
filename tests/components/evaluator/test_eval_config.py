"""The evaluation's configuration: what is refused, and what is filled in."""

from __future__ import annotations

from typing import Any

import pytest
from tfx.types import standard_artifacts

from tfx_estimators.components import EstimatorEvaluator
from tfx_estimators.components.evaluator import eval_config as configs
from tfx_estimators.errors import LabelError, UnsupportedOptionError

REFUSED = {
    "model_specs { preprocessing_function_names: 'f' }": "preprocessing_function_names",
    "model_specs { label_keys { key: 'a' value: 'y' } }": "label_keys",
    "model_specs { prediction_keys { key: 'a' value: 'y' } }": "prediction_keys",
    "model_specs { example_weight_keys { key: 'a' value: 'y' } }": "example_weight_keys",
    "model_specs { padding_options { label_int_padding: 1 } }": "padding_options",
    "model_specs { inference_batch_size: 3 }": "inference_batch_size",
    "model_specs { signature_name: 'eval' }": "signature_name",
    "model_specs { model_type: 'tf_keras' }": "model_type",
    "model_specs { name: 'a' } model_specs { name: 'b' }": "model_specs",
    "model_specs { label_key: 'y' } model_specs { label_key: 'z' is_baseline: true }": "label_key",
    "slicing_specs { slice_keys_sql: 'SELECT 1' }": "slice_keys_sql",
    "metrics_specs { output_names: 'a' }": "output_names",
    "metrics_specs { output_weights { key: 'a' value: 1 } }": "output_weights",
    "metrics_specs { query_key: 'a' }": "query_key",
    "metrics_specs { model_names: 'other' }": "model_names",
    "options { disabled_outputs { values: 'metrics' } }": "disabled_outputs",
    "options { include_default_metrics { value: true } }": "include_default_metrics",
    "options { min_slice_size { value: 9 } } cross_slicing_specs {}": "min_slice_size",
    "metric_specs { }": "metric_specs",
}


@pytest.mark.parametrize("text", REFUSED)
def test_an_option_that_would_be_ignored_is_refused_at_construction(
    channel: Any, text: str
) -> None:
    with pytest.raises(UnsupportedOptionError, match=REFUSED[text]):
        EstimatorEvaluator(
            examples=channel(standard_artifacts.Examples),
            model=channel(standard_artifacts.Model),
            eval_config=text,
            label_key="y",
        )


def test_a_configuration_without_a_label_is_refused() -> None:
    with pytest.raises(LabelError, match="neither label_key nor"):
        configs.with_defaults(
            configs.read(""), label_key=None, example_weight_key=None, outputs=["logistic"]
        )


@pytest.mark.stacks
def test_tfmas_own_message_and_its_text_are_the_same_to_us() -> None:
    from tensorflow_model_analysis.proto import config_pb2

    message = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key="y")],
        slicing_specs=[config_pb2.SlicingSpec(feature_keys=["color"])],
    )
    text = "model_specs { label_key: 'y' } slicing_specs { feature_keys: 'color' }"
    assert configs.to_json(configs.read(message)) == configs.to_json(configs.read(text))
    assert configs.to_json(configs.from_json(configs.to_json(message))) == configs.to_json(message)


def fill(text: str, outputs: list[str], label_key: str | None = "y") -> Any:
    return configs.with_defaults(
        configs.read(text), label_key=label_key, example_weight_key=None, outputs=outputs
    )


@pytest.mark.parametrize(
    ("outputs", "names"),
    [
        (["logits", "logistic", "probabilities"], {"EstimatorAUC", "Precision"}),
        (["logits", "probabilities", "class_ids"], {"SparseCategoricalAccuracy"}),
        (["predictions"], {"MeanSquaredError", "MeanLabel"}),
    ],
)
def test_default_metrics_follow_the_head(outputs: list[str], names: set[str]) -> None:
    (spec,) = fill("", outputs).metrics_specs
    assert names <= {metric.class_name for metric in spec.metrics}


def test_outputs_that_do_not_tell_the_head_need_a_configuration() -> None:
    with pytest.raises(UnsupportedOptionError, match="prediction_key"):
        fill("", ["scores"])
    assert fill("metrics_specs { metrics { class_name: 'AUC' } }", ["scores"]).metrics_specs


def test_two_different_labels_are_an_error() -> None:
    with pytest.raises(LabelError, match="'z'"):
        fill("model_specs { label_key: 'z' }", ["predictions"])


def test_filling_in_leaves_the_given_configuration_alone() -> None:
    given = configs.read("")
    before = configs.to_json(given)
    configs.with_defaults(given, label_key="y", example_weight_key="w", outputs=["predictions"])
    assert configs.to_json(given) == before
