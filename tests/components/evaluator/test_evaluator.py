"""One evaluation at a time: what it measures, what it decides, what it refuses."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators.components.evaluator import Report
from tfx_estimators.components.evaluator.outcome.stock_metrics import stock_metrics
from tfx_estimators.errors import (
    EmptySplitError,
    EvaluationError,
    FeatureNotFoundError,
    LabelError,
)

Run = Callable[..., Report]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


@pytest.mark.stacks
def test_default_metrics_are_those_of_a_binary_classifier(
    evaluate: Run, data: dict[str, Any]
) -> None:
    report = evaluate("slicing_specs {} slicing_specs { feature_keys: 'color' }")
    x = np.array([row["x"] for row in data["eval"]])
    y = np.array([row["y"] for row in data["eval"]])
    p = sigmoid(2 * x)
    metrics = report.overall().metrics
    assert metrics["example_count"] == 300
    assert metrics["accuracy"] == pytest.approx(np.mean((p > 0.5) == y), abs=1e-6)
    assert metrics["label/mean"] == pytest.approx(y.mean(), abs=1e-6)
    assert metrics["prediction/mean"] == pytest.approx(p.mean(), abs=1e-6)
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    assert metrics["average_loss"] == pytest.approx(loss, abs=1e-6)
    pairs = p[y == 1][:, None] - p[y == 0][None, :]
    assert metrics["auc"] == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)), abs=2e-3)
    assert [s.slice for s in report.slices] == [
        "overall",
        "color: blue",
        "color: green",
        "color: red",
    ]
    assert report.blessed is None


def test_the_evaluation_is_one_that_tfma_reads(evaluate: Run) -> None:
    from tensorflow_model_analysis.api import model_eval_lib

    report = evaluate(auc() + "slicing_specs {} slicing_specs { feature_keys: 'color' }")
    result = model_eval_lib.load_eval_result(evaluate.outputs["evaluation"].uri)  # type: ignore[attr-defined]
    values = {key: value[""][""] for key, value in result.slicing_metrics}
    assert values[()]["auc"]["doubleValue"] == pytest.approx(report.overall().metrics["auc"])
    assert (("color", "red"),) in values
    assert result.model_location == report.model
    # As of an evaluation by TFX's own Evaluator, which leaves no report.
    uri = evaluate.outputs["evaluation"].uri  # type: ignore[attr-defined]
    read = stock_metrics(uri)
    assert list(read) == [one.slice for one in report.slices]
    assert read["overall"]["auc"] == pytest.approx(report.overall().metrics["auc"])
    assert stock_metrics(f"{uri}/nowhere") == {}


def auc(decision: str = "") -> str:
    """AUC alone, with few thresholds: what is checked is the decision, not the number."""
    settings = '{"name": "auc", "num_thresholds": 20}'
    return f"metrics_specs {{ metrics {{ class_name: 'AUC' config: '{settings}' {decision} }} }}"


def auc_within(threshold: str) -> str:
    return auc(f"threshold {{ {threshold} }}")


VALUE = "value_threshold {{ lower_bound {{ value: {} }} }}"
CHANGE = "change_threshold {{ absolute {{ value: {} }} direction: HIGHER_IS_BETTER }}"


def blessing(run: Any) -> tuple[list[str], Artifact]:
    made = run.outputs["blessing"]
    return sorted(p.name for p in pathlib.Path(made.uri).iterdir()), made


@pytest.mark.parametrize(("bound", "blessed"), [(0.7, True), (0.99, False)])
def test_a_value_threshold_decides(
    evaluate: Run, model: Artifact, bound: float, blessed: bool
) -> None:
    report = evaluate(auc_within(VALUE.format(bound)))
    assert report.blessed is blessed
    (check,) = report.checks
    assert (check.metric, check.slice, check.passed) == ("auc", "overall", blessed)
    assert check.value == report.overall().metrics["auc"]
    assert check.rule == f"at least {bound}"
    assert ("auc (overall) is 0." in report.reason) is not blessed
    files, made = blessing(evaluate)
    assert files == ["BLESSED" if blessed else "NOT_BLESSED"]
    assert made.get_int_custom_property("blessed") == int(blessed)
    assert made.get_string_custom_property("current_model") == model.uri
    assert made.has_custom_property("current_model_id")


def test_without_thresholds_there_is_no_verdict(evaluate: Run) -> None:
    assert evaluate(auc()).blessed is None
    files, made = blessing(evaluate)
    assert files == []
    assert not made.has_custom_property("blessed")


@pytest.mark.stacks
@pytest.mark.parametrize(("slope", "blessed"), [(-2.0, True), (2.0, False)])
def test_a_change_threshold_compares_with_the_baseline(
    evaluate: Run, make_model: Any, tmp_path: Any, slope: float, blessed: bool
) -> None:
    baseline = make_model(tmp_path / "baseline", slope=slope)
    baseline.id = 17
    report = evaluate(auc_within(CHANGE.format(0.01)), baseline=baseline)
    assert report.blessed is blessed
    overall = report.overall()
    (check,) = report.checks
    assert check.value == pytest.approx(overall.metrics["auc"] - overall.baseline["auc"])
    assert check.rule == "a change of at least +0.01"
    assert overall.baseline["auc"] < 0.5 if blessed else overall.baseline == overall.metrics
    _, made = blessing(evaluate)
    assert made.get_string_custom_property("baseline_model") == str(tmp_path / "baseline")
    assert made.get_int_custom_property("baseline_model_id") == 17


@pytest.mark.parametrize(("bound", "blessed"), [(None, True), (0.7, True), (0.99, False)])
def test_without_a_baseline_change_thresholds_are_skipped(
    evaluate: Run, bound: float | None, blessed: bool
) -> None:
    threshold = CHANGE.format(0.01) + (VALUE.format(bound) if bound is not None else "")
    report = evaluate(auc_within(threshold))
    assert report.blessed is blessed
    assert len(report.checks) == (bound is not None)
    assert ("no baseline yet" in report.reason) is blessed


def test_thresholds_on_slices_are_checked_in_every_slice(evaluate: Run) -> None:
    report = evaluate(
        """
        slicing_specs { feature_keys: 'color' }
        """
        + auc(
            """
            per_slice_thresholds {
              slicing_specs { feature_keys: 'color' }
              threshold { value_threshold { lower_bound { value: 0.7 } } }
            }
            """
        )
    )
    assert report.blessed is True
    assert [c.slice for c in report.checks] == ["color: blue", "color: green", "color: red"]


def test_a_slice_without_examples_fails_its_threshold(evaluate: Run) -> None:
    report = evaluate(
        """
        slicing_specs {}
        slicing_specs { feature_values { key: 'color' value: 'pink' } }
        """
        + auc(
            """
            per_slice_thresholds {
              slicing_specs { feature_values { key: 'color' value: 'pink' } }
              threshold { value_threshold { lower_bound { value: 0.7 } } }
            }
            """
        )
    )
    assert report.blessed is False
    assert "no examples in the slice" in report.reason
    assert "pink" in report.reason


def test_a_threshold_on_a_metric_that_is_not_computed_is_an_error(evaluate: Run) -> None:
    with pytest.raises(EvaluationError, match="'area'"):
        evaluate("metrics_specs { thresholds { key: 'area' value { value_threshold {} } } }")


def test_thresholds_may_name_the_default_metrics(evaluate: Run) -> None:
    report = evaluate(
        """
        model_specs { label_key: 'y' }
        slicing_specs {}
        slicing_specs { feature_keys: 'color' }
        metrics_specs {
          thresholds {
            key: 'auc' value { value_threshold { lower_bound { value: 0.7 } } }
          }
          thresholds {
            key: 'average_loss' value { value_threshold { upper_bound { value: 0.1 } } }
          }
          per_slice_thresholds { key: 'accuracy' value { thresholds {
            slicing_specs { feature_keys: 'color' }
            threshold { value_threshold { lower_bound { value: 0.5 } } }
          } } }
        }
        """,
        label_key=None,
    )
    assert report.blessed is False
    assert "average_loss (overall) is 0." in report.reason
    failed = {(c.metric, c.slice): not c.passed for c in report.checks}
    colors = ("color: blue", "color: green", "color: red")
    # Plain thresholds apply to every slice.
    assert failed == {
        **{("auc", name): False for name in ("overall", *colors)},
        **{("average_loss", name): True for name in ("overall", *colors)},
        **{("accuracy", name): False for name in colors},
    }


def test_weights_count(evaluate: Run, data: dict[str, Any]) -> None:
    w = np.array([row["w"] for row in data["eval"]])
    y = np.array([row["y"] for row in data["eval"]])
    metrics = evaluate(example_weight_key="w").overall().metrics
    assert metrics["label/mean"] == pytest.approx(np.average(y, weights=w), abs=1e-6)


ACCURACY = """metrics_specs {
  metrics { class_name: 'ExampleCount' }
  metrics { class_name: 'BinaryAccuracy' config: '{"name": "accuracy"}' }
}"""


@pytest.mark.slow
def test_confidence_intervals_plots_and_small_slices(evaluate: Run) -> None:
    from tensorflow_model_analysis.api import model_eval_lib

    report = evaluate(
        """
        slicing_specs {}
        slicing_specs { feature_keys: 'color' }
        slicing_specs { feature_keys: 'w' feature_keys: 'color' }
        metrics_specs { metrics { class_name: 'ConfusionMatrixPlot' } }
        options {
          compute_confidence_intervals { value: true }
          min_slice_size { value: 80 }
        }
        """
        + ACCURACY
    )
    sizes = {s.slice: s.metrics.get("example_count", 0) for s in report.slices}
    assert sizes["color: red"] >= 80
    assert not any(sizes[name] for name in sizes if "w: " in name)
    uri = evaluate.outputs["evaluation"].uri  # type: ignore[attr-defined]
    assert any(list(plots.plot_keys_and_values) for plots in model_eval_lib.load_plots(uri))
    assert any(
        item.key.name == "accuracy" and item.HasField("confidence_interval")
        for result in model_eval_lib.load_metrics(uri)
        for item in result.metric_keys_and_values
    )


def test_slices_are_compared_with_each_other(evaluate: Run) -> None:
    report = evaluate(
        """
        slicing_specs {}
        slicing_specs { feature_keys: 'color' }
        cross_slicing_specs {
          baseline_spec {} slicing_specs { feature_values { key: 'color' value: 'red' } }
        }
        """
        + ACCURACY
    )
    by_slice = {s.slice: s.metrics for s in report.slices}
    difference = by_slice["color: red against overall"]["accuracy"]
    expected = by_slice["overall"]["accuracy"] - by_slice["color: red"]["accuracy"]
    assert abs(difference) == pytest.approx(abs(expected))


class ThreeClasses(tf.Module):  # type: ignore[misc]
    """The class is the color, and the model is right whenever x is positive."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def predict(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = {
            "x": tf.io.FixedLenFeature([], tf.float32),
            "color": tf.io.FixedLenFeature([], tf.string),
        }
        parsed = tf.io.parse_example(examples, spec)
        colors = tf.constant(["red", "green", "blue"])
        right = tf.cast(tf.equal(parsed["color"][:, None], colors), tf.float32)
        shown = tf.where(parsed["x"][:, None] > 0, right, tf.roll(right, 1, axis=1))
        return {
            "probabilities": tf.nn.softmax(3 * shown),
            "all_classes": tf.tile(colors[None, :], [tf.shape(examples)[0], 1]),
        }


def test_many_classes_by_class_and_on_average(
    evaluate: Run, data: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    module = ThreeClasses()
    folder = tmp_path / "model" / "Format-Serving"
    tf.saved_model.save(module, str(folder), {"predict": module.predict})
    artifact = standard_artifacts.Model()
    artifact.uri = str(tmp_path / "model")
    positive = np.mean([row["x"] > 0 for row in data["eval"]])
    metrics = evaluate(model=artifact, label_key="color").overall().metrics
    assert set(metrics) == {"example_count", "accuracy", "average_loss"}
    assert metrics["accuracy"] == pytest.approx(positive)
    by_class = evaluate(
        """
        metrics_specs {
          metrics { class_name: 'Recall' config: '{"name": "recall"}' }
          binarize { class_ids { values: 0 values: 2 } }
          aggregate {
            macro_average: true
            class_weights { key: 0 value: 1 } class_weights { key: 2 value: 1 }
          }
        }
        """,
        model=artifact,
        label_key="color",
    )
    red = np.mean([row["x"] > 0 for row in data["eval"] if row["color"] == "red"])
    metrics = by_class.overall().metrics
    assert metrics["recall (class_id 0)"] == pytest.approx(red)
    assert "recall (macro_average)" in metrics


def test_a_label_may_be_a_string_that_names_a_class(
    evaluate: Run, data: dict[str, Any], make_examples: Any, example: Any, tmp_path: Any
) -> None:
    rows = [{**row, "y": str(row["y"])} for row in data["eval"]]
    strings = make_examples(tmp_path / "in", {"eval": [example(**row) for row in rows]})
    assert evaluate(ACCURACY, examples=strings).overall() == evaluate(ACCURACY).overall()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": None}, "'y' is missing in 1 of"),
        ({"y": "maybe"}, "maybe|varies|mixed"),
        ({"y": float("nan")}, "NaN"),
    ],
)
def test_a_bad_label_is_an_error(
    evaluate: Run, make_examples: Any, example: Any, tmp_path: Any, change: Any, message: str
) -> None:
    kind = type(change["y"]) if change["y"] is not None else int
    good = [example(x=0.5, y=kind(1)) for _ in range(4)]
    bad = make_examples(tmp_path / "in", {"eval": [*good, example(x=0.5, **change)]})
    with pytest.raises(LabelError, match=message):
        evaluate(examples=bad)


def test_what_is_not_in_the_data_is_an_error(evaluate: Run) -> None:
    with pytest.raises(LabelError, match="'z' is missing"):
        evaluate(label_key="z")
    with pytest.raises(FeatureNotFoundError, match="'shape'"):
        evaluate("slicing_specs { feature_keys: 'shape' }")
    with pytest.raises(FeatureNotFoundError, match="'mass'"):
        evaluate(example_weight_key="mass")
    with pytest.raises(EmptySplitError, match="'test'"):
        evaluate(example_splits=["test"])


def test_predictions_that_are_not_finite_are_an_error(
    evaluate: Run, make_model: Any, tmp_path: Any
) -> None:
    with pytest.raises(EvaluationError, match="not finite"):
        evaluate(model=make_model(tmp_path / "model", slope=float("nan")))
