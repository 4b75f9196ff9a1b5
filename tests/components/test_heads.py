"""Every head of the Estimator API through evaluator, predictor and pusher."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tf_examples import make_example
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components import EstimatorEvaluator, EstimatorPredictor, EstimatorPusher
from tfx_estimators.components.evaluator import load_report

pytestmark = pytest.mark.stacks

ROWS = 60
COLORS = np.array(["red", "green", "blue"])
random = np.random.default_rng(5)
X = random.normal(size=(ROWS, 2)).astype(np.float32)
CLASS = np.digitize(X[:, 0] + random.normal(size=ROWS) / 2, [-0.5, 0.5])
FLAGS = (X[:, :1] + random.normal(size=(ROWS, 3)) > [0.0, 0.5, -0.5]).astype(np.int64)
LABELS: dict[str, Any] = {
    "flag": FLAGS[:, :1],
    "word": np.array([["no"], ["yes"]])[FLAGS[:, 0]],
    "class": CLASS[:, None],
    "color": COLORS[CLASS][:, None],
    "number": (X[:, :1] * 3 + 1).astype(np.float32),
    "numbers": (X * [3, -1] + 1).astype(np.float32),
    "count": random.poisson(np.exp(X[:, :1] / 2)).astype(np.float32),
    "share": (1 / (1 + np.exp(-X[:, :1]))).astype(np.float32),
    "flags": FLAGS,
    "ids": [list(np.flatnonzero(row)) for row in FLAGS],
    "colors": [list(COLORS[row > 0]) for row in FLAGS],
    "w": random.integers(1, 4, size=(ROWS, 1)).astype(np.float32),
}
VARYING = ("ids", "colors")
KINDS = {"word": tf.string, "color": tf.string, "colors": tf.string}
KINDS |= dict.fromkeys(("flag", "class", "flags", "ids"), tf.int64)

_CASTS: dict[str, type] = {name: str if kind == tf.string else int for name, kind in KINDS.items()}


@dataclasses.dataclass(frozen=True)
class Case:
    """A head, the label of each of its heads ("" for its own), its weight."""

    make: Callable[[], Any]
    labels: dict[str, str]
    weight: str | None = None


def heads() -> dict[str, Case]:
    e, colors = tf_estimator, list(COLORS)
    return {
        "binary": Case(e.BinaryClassHead, {"": "flag"}),
        "binary, strings": Case(
            lambda: e.BinaryClassHead(label_vocabulary=["no", "yes"]), {"": "word"}
        ),
        "multi-class": Case(lambda: e.MultiClassHead(3), {"": "class"}),
        "multi-class, strings": Case(
            lambda: e.MultiClassHead(3, "w", label_vocabulary=colors), {"": "color"}, "w"
        ),
        "regression": Case(e.RegressionHead, {"": "number"}),
        "regression of two": Case(
            lambda: e.RegressionHead(2, weight_column="w"), {"": "numbers"}, "w"
        ),
        "Poisson": Case(lambda: e.PoissonRegressionHead(weight_column="w"), {"": "count"}, "w"),
        "logistic": Case(e.LogisticRegressionHead, {"": "share"}),
        "multi-label": Case(lambda: e.MultiLabelHead(3, weight_column="w"), {"": "flags"}, "w"),
        "multi-label, numbers of classes": Case(lambda: e.MultiLabelHead(3), {"": "ids"}),
        "multi-label, strings": Case(
            lambda: e.MultiLabelHead(3, label_vocabulary=colors), {"": "colors"}
        ),
        "multi-head": Case(
            lambda: e.MultiHead(
                [
                    e.BinaryClassHead(name="tip", label_vocabulary=["no", "yes"]),
                    e.RegressionHead(2, name="size"),
                    e.MultiLabelHead(3, name="tags", label_vocabulary=colors),
                ]
            ),
            {"tip": "word", "size": "numbers", "tags": "colors"},
        ),
    }


CASES = heads()
# What the rest of these says as well, and what the pipelines' tests have.
LONGER = ("binary", "multi-class", "regression", "binary, strings", "logistic")


@dataclasses.dataclass(frozen=True)
class World:
    """A model and what its estimator says."""

    case: Case
    model: Artifact
    metrics: dict[str, float]
    estimator: Any


@functools.cache
def records() -> list[bytes]:
    made = []
    for row in range(ROWS):
        columns = {"x": X, **LABELS}
        values = {
            # A feature without values is missing.
            name: [_CASTS.get(name, float)(value) for value in column[row]] or None
            for name, column in columns.items()
        }
        made.append(make_example(**values))
    return made


def input_fn(case: Case) -> tf.data.Dataset:
    wanted = {"x", *case.labels.values(), *([case.weight] if case.weight else [])}
    spec: dict[str, Any] = {}
    for name in wanted:
        kind = KINDS.get(name, tf.float32)
        size = 2 if name == "x" else len(LABELS[name][0])
        varies = name in VARYING
        spec[name] = tf.io.VarLenFeature(kind) if varies else tf.io.FixedLenFeature([size], kind)

    def parse(batch: Any) -> Any:
        features = tf.io.parse_example(batch, spec)
        labels = {head: features.pop(name) for head, name in case.labels.items()}
        return features, labels.get("", labels)

    return tf.data.Dataset.from_tensor_slices(records()).batch(ROWS).map(parse)


def export(estimator: Any, folder: pathlib.Path) -> Artifact:
    receiver = tf_estimator.export.build_parsing_serving_input_receiver_fn(
        {"x": tf.io.FixedLenFeature([2], tf.float32)}
    )
    exported = estimator.export_saved_model(str(folder / "export"), receiver).decode()
    (folder / "model").mkdir()
    pathlib.Path(exported).rename(folder / "model" / "Format-Serving")
    model = standard_artifacts.Model()
    model.uri = str(folder / "model")
    return model


@pytest.fixture(scope="module")
def examples(
    tmp_path_factory: pytest.TempPathFactory, make_examples: Callable[..., Artifact]
) -> Artifact:
    return make_examples(tmp_path_factory.mktemp("examples"), {"eval": records()})


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow) if name in LONGER else name for name in CASES
    ],
)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    case = CASES[request.param]
    folder = tmp_path_factory.mktemp("model")
    column = tf.feature_column.numeric_column("x", shape=(2,))
    estimator = tf_estimator.LinearEstimator(
        case.make(), [column], str(folder / "train"), optimizer="SGD"
    )
    estimator.train(lambda: input_fn(case).repeat(), steps=5)
    metrics = estimator.evaluate(lambda: input_fn(case))
    metrics = {k: float(v) for k, v in metrics.items()}
    return World(case, export(estimator, folder), metrics, estimator)


# Of the training's batches, and of a constant prediction.
NOT_OURS = ("loss", "global_step", "accuracy_baseline")


@pytest.mark.parametrize(
    "way", ["batches", pytest.param("example by example", marks=pytest.mark.slow)]
)
def test_default_metrics_are_those_of_estimator_evaluate(
    world: World, examples: Artifact, execute: Any, channel: Any, way: str
) -> None:
    keys = world.case.labels
    config = "" if way == "batches" else "options { min_slice_size { value: 2 } }"
    if "" not in keys:
        given = " ".join(f"label_keys {{ key: '{h}' value: '{key}' }}" for h, key in keys.items())
        config += f"model_specs {{ {given} }}"
    component = EstimatorEvaluator(
        examples=channel(standard_artifacts.Examples),
        model=channel(standard_artifacts.Model),
        eval_config=config,
        label_key=keys.get(""),
        example_weight_key=world.case.weight,
    )
    outputs = execute(component, {"examples": examples, "model": world.model})
    found = dict(load_report(outputs["evaluation"].uri).overall().metrics)
    weights = LABELS["w"] if world.case.weight else np.ones(ROWS)
    assert found.pop("example_count") == np.sum(weights)
    expected = {k: v for k, v in world.metrics.items() if k.split("/")[0] not in NOT_OURS}
    found = {name: float(np.nan_to_num(value)) for name, value in found.items()}
    assert found == pytest.approx(expected, rel=2e-6, abs=1e-6)


def read_logs(result: Artifact) -> dict[bytes, Any]:
    """The outputs for each example."""
    files = [str(file) for file in pathlib.Path(result.uri).glob("*.gz")]
    logs = {}
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record).predict_log
        logs[tf.make_ndarray(log.request.inputs["examples"]).item()] = log.response.outputs
    return logs


@pytest.mark.slow
def test_predictions_are_those_of_estimator_predict(
    world: World, examples: Artifact, execute: Any, channel: Any
) -> None:
    predictions = list(world.estimator.predict(lambda: input_fn(world.case)))
    component = EstimatorPredictor(
        examples=channel(standard_artifacts.Examples), model=channel(standard_artifacts.Model)
    )
    outputs = execute(component, {"examples": examples, "model": world.model})
    logs = read_logs(outputs["inference_result"])
    for record, expected in zip(records(), predictions, strict=True):
        for key, value in expected.items():
            name = "/".join(key) if isinstance(key, tuple) else key
            found = tf.make_ndarray(logs[record][name])[0]
            if found.dtype == object:
                assert found.tolist() == np.asarray(value).tolist()
            else:
                np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    ["binary, strings", "regression of two", "multi-label, strings", "multi-head"],
    indirect=True,
)
def test_the_model_is_tried_and_pushed(
    world: World, examples: Artifact, execute: Any, channel: Any, tmp_path: pathlib.Path
) -> None:
    component = EstimatorPusher(
        model=channel(standard_artifacts.Model),
        examples=channel(standard_artifacts.Examples),
        push_destination=str(tmp_path / "serving"),
    )
    execute(component, {"model": world.model, "examples": examples})
    assert len(list((tmp_path / "serving").glob("[0-9]*"))) == 1


def test_a_keras_model_has_no_predict_signature_and_its_only_output_is_measured(
    examples: Artifact, execute: Any, channel: Any, tmp_path: pathlib.Path, capfd: Any
) -> None:
    import keras_models

    tf_estimator.activate()
    keras = keras_models.keras_2()
    inputs = keras.Input((2,), name="x")
    made = keras.Model(inputs, keras.layers.Dense(1, name="size")(inputs))
    made.compile(keras.optimizers.legacy.SGD(0.05), loss="mse")
    estimator = tf.keras.estimator.model_to_estimator(made, model_dir=str(tmp_path / "train"))
    case = Case(lambda: None, {"": "number"})
    estimator.train(lambda: input_fn(case), steps=1)
    inputs = {"examples": examples, "model": export(estimator, tmp_path)}
    channels = {
        "examples": channel(standard_artifacts.Examples),
        "model": channel(standard_artifacts.Model),
    }
    outputs = execute(EstimatorEvaluator(**channels, label_key="number"), inputs)
    found = load_report(outputs["evaluation"].uri).overall().metrics
    expected = estimator.evaluate(lambda: input_fn(case))
    assert found["mean_squared_error"] == pytest.approx(float(expected["loss"]), rel=1e-5)
    assert "no signature 'predict'; using 'serving_default'" in capfd.readouterr().err
    predictor = EstimatorPredictor(**channels, output_features={"size": "predicted"})
    assert list(pathlib.Path(execute(predictor, inputs)["output_examples"].uri).rglob("*.gz"))


def test_a_tpu_estimator_without_tpus_is_evaluated_and_predicts_like_the_components(
    examples: Artifact, execute: Any, channel: Any, tmp_path: pathlib.Path
) -> None:
    tf_estimator.activate()
    v1 = tf.compat.v1
    tpu, modes = v1.estimator.tpu, v1.estimator.ModeKeys

    def metric_fn(labels: Any, predicted: Any) -> dict[str, Any]:
        return {
            "average_loss": v1.metrics.mean_squared_error(labels, predicted),
            "label/mean": v1.metrics.mean(labels),
            "prediction/mean": v1.metrics.mean(predicted),
        }

    def model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
        weights = v1.get_variable("weights", [2, 1])
        predicted = tf.matmul(features["x"], weights)
        if mode == modes.PREDICT:
            return tpu.TPUEstimatorSpec(mode, predictions={"predictions": predicted})
        loss = v1.losses.mean_squared_error(labels, predicted)
        if mode == modes.EVAL:
            measured = (metric_fn, [labels, predicted])
            return tpu.TPUEstimatorSpec(mode, loss=loss, eval_metrics=measured)
        optimizer = v1.train.GradientDescentOptimizer(0.01)
        train_op = optimizer.minimize(loss, v1.train.get_global_step())
        return tpu.TPUEstimatorSpec(mode, loss=loss, train_op=train_op)

    case, sizes = Case(lambda: None, {"": "number"}), []

    def read(params: dict[str, Any]) -> tf.data.Dataset:
        sizes.append(params["batch_size"])
        return input_fn(case).unbatch().batch(params["batch_size"], drop_remainder=True)

    estimator = tpu.TPUEstimator(
        model_fn,
        config=tpu.RunConfig(model_dir=str(tmp_path / "train"), tf_random_seed=1),
        use_tpu=False,
        train_batch_size=10,
        eval_batch_size=20,
        predict_batch_size=30,
    )
    estimator.train(read, steps=2)
    metrics = estimator.evaluate(read, steps=ROWS // 20)
    predicted = [row["predictions"] for row in estimator.predict(read)]
    assert sizes == [10, 20, 30]
    inputs = {"examples": examples, "model": export(estimator, tmp_path)}
    channels = {
        "examples": channel(standard_artifacts.Examples),
        "model": channel(standard_artifacts.Model),
    }
    outputs = execute(EstimatorEvaluator(**channels, label_key="number"), inputs)
    found = dict(load_report(outputs["evaluation"].uri).overall().metrics)
    assert found.pop("example_count") == ROWS
    expected = {name: float(metrics[name]) for name in metrics if name not in NOT_OURS}
    assert found == pytest.approx(expected, rel=2e-6, abs=1e-6)
    logs = read_logs(execute(EstimatorPredictor(**channels), inputs)["inference_result"])
    found = [tf.make_ndarray(logs[record]["predictions"])[0] for record in records()]
    np.testing.assert_allclose(found, predicted, rtol=1e-5, atol=1e-6)


def test_outputs_that_do_not_say_which_is_the_prediction_are_named() -> None:
    from tfx_estimators.components.heads import find_heads
    from tfx_estimators.errors import UnsupportedOptionError

    with pytest.raises(UnsupportedOptionError, match=r"not set, and the .* outputs price, size"):
        find_heads(["price", "size"], {})
    (head,) = find_heads(["price", "size"], {}, "size")
    assert head.prediction == "size"
    # As the stock template for Keras has it, over an estimator's classifier.
    with pytest.raises(UnsupportedOptionError, match="leave signature_name out"):
        find_heads(["classes", "scores"], {})


def test_a_model_of_several_heads_needs_a_label_for_each() -> None:
    from tfx_estimators.components.evaluator import eval_config
    from tfx_estimators.errors import LabelError

    with pytest.raises(LabelError, match=r"key: 'size' value: '\.\.\.' } label_keys { key: 'tip'"):
        eval_config.with_defaults(
            eval_config.read(""),
            label_key="y",
            example_weight_key=None,
            outputs=["size/predictions", "tip/logistic"],
        )


def test_labels_that_can_be_read_in_two_ways_are_refused() -> None:
    from tfx_estimators.components.evaluator.inputs.labels import head_labels
    from tfx_estimators.components.heads import Head, Kind
    from tfx_estimators.errors import LabelError

    numbers = np.array([b"5", b"3"], dtype=object)
    with pytest.raises(LabelError, match="strings 5, 3"):
        head_labels([[0], [1]], "y", Head("", Kind.BINARY, "logistic"), numbers, 1, None)
    head = Head("", Kind.MULTI_LABEL, "probabilities")
    both = [[0, 1], [1, 0]]
    with pytest.raises(LabelError, match="for each of the two classes, or the numbers of both"):
        head_labels(both, "y", head, None, 2, None)
    assert head_labels(both, "y", head, None, 2, True).tolist() == both
    assert head_labels(both, "y", head, None, 2, False).tolist() == [[1, 1], [1, 1]]
    assert head_labels([[2], [], [0, 1]], "y", head, None, 3, None).tolist() == [
        [0, 0, 1],
        [0, 0, 0],
        [1, 1, 0],
    ]
    with pytest.raises(LabelError, match="a label is 3, and the model knows 3 classes"):
        head_labels([[3]], "y", head, None, 3, None)
