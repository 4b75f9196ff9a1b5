"""The fast path gives what TensorFlow Model Analysis gives, and knows when it cannot."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators.components.evaluator import Report, executor
from tfx_estimators.components.evaluator.model_analysis import load_metrics, load_validation

Run = Callable[..., Report]
Values = dict[tuple[str, str], float]

BINARY = """
slicing_specs {}
slicing_specs { feature_keys: 'color' }
slicing_specs { feature_keys: 'color' feature_values { key: 'w' value: '2.0' } }
cross_slicing_specs {
  baseline_spec {} slicing_specs { feature_values { key: 'color' value: 'red' } }
}
metrics_specs {
  thresholds { key: 'auc' value {
    value_threshold { lower_bound { value: 0.7 } }
    change_threshold { absolute { value: -0.5 } direction: HIGHER_IS_BETTER }
  } }
  per_slice_thresholds { key: 'accuracy' value { thresholds {
    slicing_specs { feature_keys: 'color' }
    threshold { value_threshold { lower_bound { value: 0.79 } } }
  } } }
}
"""
REGRESSION = """
model_specs { label_key: 'w' prediction_key: 'predictions' }
slicing_specs {} slicing_specs { feature_keys: 'color' }
metrics_specs {
  metrics { class_name: 'ExampleCount' }
  metrics { class_name: 'MeanSquaredError' config: '{"name": "average_loss"}' }
  metrics { class_name: 'MeanAbsoluteError' }
  metrics { class_name: 'MeanLabel' }
  metrics { class_name: 'MeanPrediction' }
}
"""


class ThreeHeads(tf.Module):  # type: ignore[misc]
    """Predicts the color, badly, and w."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def predict(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = {"x": tf.io.FixedLenFeature([1], tf.float32)}
        x = tf.io.parse_example(examples, spec)["x"]
        classes = tf.constant([["red", "green", "blue"]])
        return {
            "probabilities": tf.nn.softmax(tf.concat([x, -x, 0.3 * x], axis=1)),
            "all_classes": tf.tile(classes, [tf.shape(examples)[0], 1]),
            "predictions": 2.0 + 0.1 * x,
        }


@pytest.fixture(scope="module")
def three_heads(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    module, folder = ThreeHeads(), tmp_path_factory.mktemp("three")
    tf.saved_model.save(module, str(folder / "Format-Serving"), {"predict": module.predict})
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder)
    return artifact


@pytest.fixture
def both(
    evaluate: Run, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> Callable[..., tuple[Values, Values, Any, Any, Report]]:
    """The values and verdicts of the fast path and of TFMA, and the former's report."""

    def read() -> tuple[Values, Any]:
        uri = evaluate.outputs["evaluation"].uri  # type: ignore[attr-defined]
        values = {}
        for result in load_metrics(uri):
            where = str(result.slice_key) + str(result.cross_slice_key)
            for item in result.metric_keys_and_values:
                values[where, str(item.key)] = item.value.double_value.value
        config = json.loads((pathlib.Path(uri) / "eval_config.json").read_text())
        assert "BatchMetric" not in str(config), "what was asked for is written down"
        return values, load_validation(uri)

    def run(*arguments: Any, **named: Any) -> tuple[Values, Values, Any, Any, Report]:
        report = evaluate(*arguments, **named)
        assert "example by example" not in capfd.readouterr().err
        fast, verdict = read()
        monkeypatch.setattr(executor, "why_by_example", lambda *_: "the test says so")
        evaluate(*arguments, **named)
        assert "goes example by example: the test says so" in capfd.readouterr().err
        slow, other = read()
        return fast, slow, verdict, other, report

    return run


def assert_same(fast: Values, slow: Values) -> None:
    assert fast.keys() == slow.keys()
    for key, value in slow.items():
        if math.isnan(value):
            assert math.isnan(fast[key]), key
        else:
            assert fast[key] == pytest.approx(value, abs=1e-6), key


@pytest.mark.stacks
def test_a_binary_classifier_with_weights_slices_thresholds_and_a_baseline(
    both: Any, make_model: Any, tmp_path: pathlib.Path
) -> None:
    baseline = make_model(tmp_path / "baseline", slope=1.0, bias=0.5)
    fast, slow, verdict, other, report = both(BINARY, baseline=baseline, example_weight_key="w")
    assert_same(fast, slow)
    assert len(fast) > 100, "every metric of both models, in every slice"
    assert verdict.validation_ok == other.validation_ok == report.blessed
    assert len(verdict.metric_validations_per_slice) == len(other.metric_validations_per_slice)
    assert {str(one.slice_key) for one in verdict.metric_validations_per_slice} == {
        str(one.slice_key) for one in other.metric_validations_per_slice
    }
    assert len(report.checks) >= 5


def test_many_classes(both: Any, three_heads: Artifact) -> None:
    config = "slicing_specs {} slicing_specs { feature_keys: 'y' }"
    fast, slow, _, _, report = both(config, model=three_heads, label_key="color")
    assert_same(fast, slow)
    assert set(report.overall().metrics) == {"example_count", "accuracy", "average_loss"}


@pytest.mark.slow
def test_a_regression(both: Any, three_heads: Artifact) -> None:
    fast, slow, _, _, report = both(REGRESSION, model=three_heads, label_key=None)
    assert_same(fast, slow)
    assert report.overall().metrics["average_loss"] > 0


@pytest.mark.slow
def test_extremes_and_empty_classes_are_the_same(
    both: Any, make_examples: Any, example: Any, tmp_path: pathlib.Path
) -> None:
    # Predictions of exactly 0.5 and nearly 0 and 1; a slice with one class only.
    rows = [
        {"x": x, "y": y, "color": color}
        for x, y, color in [(0.0, 1, "red"), (0.0, 0, "red"), (7.0, 1, "blue"), (-7.0, 1, "blue")]
    ]
    examples = make_examples(tmp_path / "in", {"eval": [example(**row) for row in rows]})
    config = "slicing_specs {} slicing_specs { feature_keys: 'color' }"
    assert_same(*both(config, examples=examples)[:2])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("options { compute_confidence_intervals { value: true } }", "confidence intervals"),
        ("options { min_slice_size { value: 3 } }", "min_slice_size"),
        ("metrics_specs { metrics { class_name: 'F1Score' } }", "the metric F1Score"),
        (
            "metrics_specs { metrics { class_name: 'Recall' config: '{\"thresholds\": 0.3}' } }",
            "setting thresholds",
        ),
        ("metrics_specs { metrics { class_name: 'SparseCategoricalAccuracy' } }", "logistic"),
        (
            "metrics_specs { metrics { class_name: 'Recall' } binarize { k_list { values: 1 } } }",
            "class by class",
        ),
        ("metrics_specs { metrics { class_name: 'Recall' } }", None),
    ],
)
def test_what_goes_example_by_example_and_why(config: str, words: str | None) -> None:
    from tfx_estimators.components.evaluator import eval_config as configs
    from tfx_estimators.components.evaluator.metrics.batch_metrics import why_by_example

    wanted = configs.with_defaults(
        configs.read(config), label_key="y", example_weight_key=None, outputs=["logistic"]
    )
    why = why_by_example(wanted, ["logistic"])
    assert why is None if words is None else words in str(why)


def test_labels_that_do_not_fit_the_metrics_are_errors(
    evaluate: Run, three_heads: Artifact, make_examples: Any, example: Any, tmp_path: pathlib.Path
) -> None:
    from tfx_estimators.errors import LabelError

    outside = make_examples(tmp_path / "a", {"eval": [example(x=0.5, y=2) for _ in range(4)]})
    with pytest.raises(LabelError, match="a label is 2"):
        evaluate(examples=outside)
    unknown = make_examples(tmp_path / "b", {"eval": [example(x=0.5, y=7) for _ in range(4)]})
    with pytest.raises(LabelError, match="a label is 7, and the model knows 3 classes"):
        evaluate(model=three_heads, examples=unknown)
