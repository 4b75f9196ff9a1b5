"""Evaluator, predictor and pusher on a real estimator's export.

The label exists in neither the examples nor the serving signature: the transform graph
makes it, as in the taxi pipeline.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx_bsl.coders import example_coder
from tfx_bsl.tfxio import tf_example_record

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components import EstimatorEvaluator, EstimatorPredictor, EstimatorPusher
from tfx_estimators.components.evaluator import SliceMetrics, load_report

pytestmark = pytest.mark.stacks

PAYMENT_TYPES = ("Cash", "Credit Card", "Unknown")
TRIPS = 1000


def make_trips() -> dict[str, Any]:
    """Trips whose tip depends on the fare and on how it was paid."""
    random = np.random.default_rng(7)
    fare = random.lognormal(2.3, 0.6, TRIPS).astype(np.float32)
    payment = random.choice(PAYMENT_TYPES, TRIPS, p=[0.5, 0.4, 0.1])
    share = random.normal(np.where(payment == "Credit Card", 0.22, 0.1), 0.08)
    return {
        "fare": fare,
        "payment_type": payment,
        "tips": (np.maximum(share, 0) * fare).astype(np.float32),
        "riders": random.integers(1, 4, TRIPS).astype(np.float32),
    }


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "big_tipper": tf.cast(inputs["tips"] > 0.2 * inputs["fare"], tf.int64),
        "tips": tft.scale_to_z_score(inputs["tips"]),
    }


@dataclasses.dataclass(frozen=True)
class World:
    """A trained estimator and everything it was made from."""

    trips: dict[str, Any]
    records: list[bytes]
    examples: Artifact
    transform_graph: Artifact
    model: Artifact
    metrics: dict[str, dict[str, float]]
    predictions: Any


@pytest.fixture(scope="module", params=[None, "riders"], ids=["unweighted", "weighted"])
def weight_column(request: pytest.FixtureRequest) -> str | None:
    return request.param


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    make_examples: Any,
    example: Any,
    weight_column: str | None,
) -> World:
    folder = tmp_path_factory.mktemp("world")
    trips = make_trips()
    records = [
        example(**{name: column[i].item() for name, column in trips.items()}) for i in range(TRIPS)
    ]
    estimator = train(trips, str(folder / "train"), weight_column)
    exported = estimator.export_saved_model(str(folder / "export"), serving_input_receiver_fn())
    (folder / "model").mkdir()
    pathlib.Path(exported.decode()).rename(folder / "model" / "Format-Serving")
    model = standard_artifacts.Model()
    model.uri = str(folder / "model")
    chosen = {"overall": np.ones(TRIPS, bool)}
    chosen |= {f"payment_type: {name}": trips["payment_type"] == name for name in PAYMENT_TYPES}
    predictions = estimator.predict(lambda: input_fn(trips), predict_keys=["logistic"])
    return World(
        trips=trips,
        records=records,
        examples=make_examples(folder / "examples", {"train": records[:3], "eval": records}),
        transform_graph=make_transform_graph(folder / "transform", records),
        model=model,
        metrics={
            name: estimator.evaluate(lambda rows=rows: input_fn(trips, rows))
            for name, rows in chosen.items()
        },
        predictions=np.array([prediction["logistic"] for prediction in predictions]),
    )


def input_fn(trips: dict[str, Any], rows: Any = slice(None)) -> tf.data.Dataset:
    features = {name: column[rows] for name, column in trips.items()}
    tips = features.pop("tips")
    label = (tips > np.float32(0.2) * features["fare"]).astype(np.int64)
    return tf.data.Dataset.from_tensor_slices((features, label)).batch(256)


def train(trips: dict[str, Any], model_dir: str, weight_column: str | None) -> Any:
    fc = tf.feature_column
    payment = fc.categorical_column_with_vocabulary_list("payment_type", PAYMENT_TYPES)
    fare = fc.bucketized_column(fc.numeric_column("fare"), [5.0, 10.0, 20.0])
    estimator = tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=[payment, fare],
        dnn_feature_columns=[fc.indicator_column(payment), fc.numeric_column("fare")],
        dnn_hidden_units=[8],
        weight_column=weight_column,
        model_dir=model_dir,
        config=tf_estimator.RunConfig(tf_random_seed=3),
    )
    return estimator.train(lambda: input_fn(trips).repeat(), steps=100)


def serving_input_receiver_fn() -> Any:
    spec = {
        "fare": tf.io.FixedLenFeature([1], tf.float32),
        "payment_type": tf.io.FixedLenFeature([1], tf.string),
        "riders": tf.io.FixedLenFeature([1], tf.float32),
    }
    return tf_estimator.export.build_parsing_serving_input_receiver_fn(spec)


def make_transform_graph(folder: pathlib.Path, records: list[bytes]) -> Artifact:
    schema = schema_pb2.Schema()
    for name in ("fare", "tips"):
        feature = schema.feature.add(name=name, type=schema_pb2.FLOAT)
        feature.presence.min_fraction = 1.0
        feature.shape.dim.add(size=1)
    source = tf_example_record.TFExampleBeamRecord("tfrecord", schema=schema)
    batch = example_coder.ExamplesToRecordBatchDecoder(schema.SerializeToString()).DecodeBatch(
        records
    )
    with (
        beam.Pipeline("DirectRunner") as pipeline,
        tft_beam.Context(temp_dir=str(folder / "temporary")),
    ):
        data = pipeline | beam.Create([batch])
        function = (data, source.TensorAdapterConfig()) | tft_beam.AnalyzeDataset(preprocessing_fn)
        _ = function | tft_beam.WriteTransformFn(str(folder / "graph"))
        raw = str(folder / "graph" / tft.TFTransformOutput.RAW_METADATA_DIR)
        _ = tft.DatasetMetadata(schema) | tft_beam.WriteMetadata(raw, pipeline)
    graph = standard_artifacts.TransformGraph()
    graph.uri = str(folder / "graph")
    return graph


SAME = (
    "accuracy",
    "auc",
    "auc_precision_recall",
    "average_loss",
    "label/mean",
    "precision",
    "prediction/mean",
    "recall",
)


def test_metrics_are_those_of_estimator_evaluate(
    world: World, execute: Any, channel: Any, weight_column: str | None
) -> None:
    component = EstimatorEvaluator(
        examples=channel(standard_artifacts.Examples),
        model=channel(standard_artifacts.Model),
        transform_graph=channel(standard_artifacts.TransformGraph),
        eval_config="slicing_specs {} slicing_specs { feature_keys: 'payment_type' }",
        label_key="big_tipper",
        example_weight_key=weight_column,
    )
    inputs = {
        "examples": world.examples,
        "model": world.model,
        "transform_graph": world.transform_graph,
    }
    outputs = execute(component, inputs)
    report = load_report(outputs["evaluation"].uri)
    slices: dict[str, SliceMetrics] = {one.slice: one for one in report.slices}
    assert slices.keys() == world.metrics.keys()
    for name, expected in world.metrics.items():
        # No positive prediction: precision is 0/0, NaN to TFMA and 0 to an estimator.
        found = {metric: np.nan_to_num(slices[name].metrics[metric]) for metric in SAME}
        assert found == pytest.approx({m: float(expected[m]) for m in SAME}, abs=1e-6), name


def test_predictions_are_those_of_estimator_predict(
    world: World, execute: Any, channel: Any
) -> None:
    component = EstimatorPredictor(
        examples=channel(standard_artifacts.Examples),
        model=channel(standard_artifacts.Model),
        example_splits=["eval"],
    )
    outputs = execute(component, {"examples": world.examples, "model": world.model})
    files = [str(f) for f in pathlib.Path(outputs["inference_result"].uri).glob("*.gz")]
    found = {}
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record).predict_log
        (request,) = tf.make_ndarray(log.request.inputs["examples"])
        found[request] = tf.make_ndarray(log.response.outputs["logistic"]).item()
    predicted = [found[record] for record in world.records]
    np.testing.assert_allclose(predicted, world.predictions[:, 0], rtol=0, atol=1e-6)


def test_the_model_is_tried_and_pushed(
    world: World, execute: Any, channel: Any, tmp_path: pathlib.Path
) -> None:
    component = EstimatorPusher(
        model=channel(standard_artifacts.Model),
        examples=channel(standard_artifacts.Examples),
        push_destination=str(tmp_path / "serving"),
    )
    execute(component, {"model": world.model, "examples": world.examples})
    (version,) = (tmp_path / "serving").glob("[0-9]*")
    signature = tf.saved_model.load(str(version)).signatures["predict"]
    found = signature(examples=tf.constant(world.records))["logistic"].numpy()
    np.testing.assert_allclose(found, world.predictions, rtol=0, atol=1e-6)
