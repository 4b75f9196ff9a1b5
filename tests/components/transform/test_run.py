"""What a run of FeatureColumnTransform in a TFX pipeline has written."""

from __future__ import annotations

import collections
import importlib.util
import json
import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator import columns
from tfx_estimators.estimator.serving import make_serving_input_receiver_fn

try:
    import tf_keras as keras
except ImportError:  # TensorFlow 2.15, whose own Keras is still Keras 2.
    keras = tf.keras

fc = tf.feature_column
pytestmark = pytest.mark.stacks


def module_of(run: Any) -> Any:
    spec = importlib.util.spec_from_file_location("taxi_columns", run.module)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def records(uri: str, split: str) -> list[bytes]:
    files = sorted(map(str, pathlib.Path(uri, f"Split-{split}").glob("*")))
    assert all(file.endswith(".gz") for file in files)
    return list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())


def raw_records(run: Any, split: str) -> list[bytes]:
    """Raw examples as in-graph parsing accepts them.

    CsvExampleGen writes a missing value as a feature with an empty list, which
    FixedLenFeature refuses even where it has a default.
    """
    made = []
    for record in records(run.examples, split):
        example = tf.train.Example.FromString(record)
        for name, feature in list(example.features.feature.items()):
            kind = feature.WhichOneof("kind")
            if kind is not None and not getattr(feature, kind).value:
                del example.features.feature[name]
        made.append(example.SerializeToString())
    return made


def content(run: Any) -> dict[str, Any]:
    path = pathlib.Path(run.feature_columns) / "columns.json"
    return dict(json.loads(path.read_text()))


def in_graph_columns(run: Any) -> dict[str, list[Any]]:
    """The module's columns, those that learn written out with what was learned."""
    facts = content(run)["facts"]
    vocabulary = f"{run.transform_graph}/transform_fn/assets/vocabulary_company"
    hour = fc.categorical_column_with_identity("trip_start_hour", 24)
    payment = fc.categorical_column_with_vocabulary_list(
        "payment_type", ["Cash", "Credit Card"], num_oov_buckets=2
    )
    company = fc.categorical_column_with_vocabulary_file("company", vocabulary, num_oov_buckets=3)
    latitude = fc.bucketized_column(
        fc.numeric_column("pickup_latitude", default_value=0.0),
        facts["pickup_latitude_bucketized"]["boundaries"],
    )
    miles = fc.bucketized_column(
        fc.numeric_column("trip_miles", default_value=0.0), [0.5, 1.0, 5.0]
    )

    def z_score(x: Any) -> Any:
        deviation = np.sqrt(np.float32(facts["fare"]["variance"]))
        return (x - np.float32(facts["fare"]["mean"])) * (np.float32(1) / deviation)

    def min_max(x: Any) -> Any:
        low, high = (np.float32(facts["trip_miles"][k]) for k in ("minimum", "maximum"))
        return (x - low) * (np.float32(1) / (high - low))

    return {
        "linear": [
            hour,
            payment,
            company,
            latitude,
            miles,
            fc.categorical_column_with_hash_bucket("pickup_census_tract", 50, tf.int64),
            fc.crossed_column([latitude, company, "payment_type"], 97),
        ],
        "dnn": [
            fc.numeric_column("fare", default_value=0.0, normalizer_fn=z_score),
            fc.numeric_column("trip_miles", default_value=1.0, normalizer_fn=min_max),
            fc.numeric_column(
                "dropoff_latitude", default_value=-1.0, normalizer_fn=lambda x: x / 1000
            ),
            fc.embedding_column(company, 3, initializer=weights),
            fc.indicator_column(payment),
            latitude,
        ],
    }


def weights(shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> Any:
    return tf.constant(np.random.default_rng(7).normal(size=[int(n) for n in shape]), dtype)


def model_columns(run: Any) -> dict[str, Any]:
    path = pathlib.Path(run.feature_columns) / "columns.json"
    made = dict(columns.load_model_columns(module_of(run).feature_columns, path))
    # The same weights in both models. trip_seconds has no in-graph counterpart.
    made["dnn"] = [
        c._replace(initializer=weights) if hasattr(c, "initializer") else c
        for c in made["dnn"]
        if c.name != "trip_seconds"
    ]
    return made


def model_input(features: dict[str, Any], of: dict[str, Any]) -> dict[str, Any]:
    cache = tf.__internal__.feature_column.FeatureTransformationCache(features)
    made = {"dense": keras.layers.DenseFeatures(of["dnn"])(features)}
    for column in of["linear"]:
        made[column.name] = column.get_sparse_tensors(cache, None).id_tensor
    return made


def evaluate(build: Any) -> dict[str, Any]:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        built = build()
        session.run(
            [tf.compat.v1.global_variables_initializer(), tf.compat.v1.tables_initializer()]
        )
        return dict(session.run(built))


def from_raw(run: Any, raw: list[bytes]) -> dict[str, Any]:
    """Model input by the columns in the graph, as an estimator without TFX has it."""
    of = in_graph_columns(run)

    def build() -> dict[str, Any]:
        # Two specs, since trip_miles has another default in each list.
        made = {}
        for part in ({"linear": of["linear"], "dnn": []}, {"linear": [], "dnn": of["dnn"]}):
            every = [*part["linear"], *part["dnn"]]
            features = tf.io.parse_example(raw, fc.make_parse_example_spec(every))
            if part["dnn"]:
                made["dense"] = keras.layers.DenseFeatures(part["dnn"])(features)
            cache = tf.__internal__.feature_column.FeatureTransformationCache(features)
            for column in part["linear"]:
                made[column.name] = column.get_sparse_tensors(cache, None).id_tensor
        return made

    return evaluate(build)


def from_transformed(run: Any, transformed: list[bytes]) -> dict[str, Any]:
    """Model input by the rewritten columns over transformed examples."""
    of = model_columns(run)

    def build() -> dict[str, Any]:
        spec = fc.make_parse_example_spec([*of["linear"], *of["dnn"]])
        return model_input(tf.io.parse_example(transformed, spec), of)

    return evaluate(build)


def from_transform_graph(run: Any, raw: list[bytes]) -> dict[str, Any]:
    """Model input as serving has it: raw examples, the inputs only, transform graph."""
    of = model_columns(run)
    output = tft.TFTransformOutput(run.transform_graph)
    spec = output.raw_feature_spec()
    needed = {key: spec[key] for key in content(run)["inputs"]}

    def build() -> dict[str, Any]:
        features = output.transform_raw_features(tf.io.parse_example(raw, needed))
        return model_input(features, of)

    return evaluate(build)


def rows(batch: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One hashable value an example."""
    made: list[list[Any]] = [[row.tobytes()] for row in batch["dense"]]
    for name in sorted(set(batch) - {"dense"}):
        ids: list[list[int]] = [[] for _ in made]
        for (row, _), value in zip(batch[name].indices, batch[name].values, strict=True):
            ids[row].append(int(value))
        for row, found in zip(made, ids, strict=True):
            row.append((name, tuple(found)))
    return [tuple(row) for row in made]


@pytest.mark.parametrize("split", ["train", "eval"])
def test_model_input_is_that_of_in_graph_columns(transform_run: Any, split: str) -> None:
    """Bit for bit, all examples; Beam may have changed their order."""
    raw = raw_records(transform_run, split)
    before = rows(from_raw(transform_run, raw))
    after = rows(
        from_transformed(transform_run, records(transform_run.transformed_examples, split))
    )
    assert len(before) > 100
    assert collections.Counter(before) == collections.Counter(after)


def test_serving_computes_the_same_without_the_label(transform_run: Any) -> None:
    raw = raw_records(transform_run, "eval")[:500]
    assert "tips" not in content(transform_run)["inputs"]
    assert rows(from_raw(transform_run, raw)) == rows(from_transform_graph(transform_run, raw))


def test_exported_model_computes_the_same_from_raw_examples(
    transform_run: Any, tmp_path: pathlib.Path
) -> None:
    of = model_columns(transform_run)

    def model_fn(features: Any, labels: Any, mode: Any) -> Any:
        cache = tf.__internal__.feature_column.FeatureTransformationCache(features)
        made = {"dense": tf.compat.v1.feature_column.input_layer(features, of["dnn"])}
        for column in of["linear"]:
            ids = column.get_sparse_tensors(cache, None).id_tensor
            made[column.name] = tf.sparse.to_dense(tf.cast(ids, tf.int64), -1)
        step = tf.compat.v1.train.get_or_create_global_step()
        return tf_estimator.EstimatorSpec(
            mode,
            predictions=made,
            loss=tf.reduce_sum(made["dense"]),
            train_op=tf.compat.v1.assign_add(step, 1),
        )

    spec = fc.make_parse_example_spec([*of["linear"], *of["dnn"]])
    transformed = records(transform_run.transformed_examples, "train")[:8]
    output = tft.TFTransformOutput(transform_run.transform_graph)
    raw_spec = output.raw_feature_spec()
    receiver_fn = make_serving_input_receiver_fn(
        {key: raw_spec[key] for key in content(transform_run)["inputs"]},
        output.transform_raw_features,
        set(spec),
    )
    estimator = tf_estimator.Estimator(model_fn, str(tmp_path / "model"))
    estimator.train(lambda: (tf.io.parse_example(transformed, spec), tf.zeros([8])), steps=1)
    exported = estimator.export_saved_model(str(tmp_path / "export"), receiver_fn)
    raw = raw_records(transform_run, "eval")[:500]
    signature = tf.saved_model.load(exported.decode()).signatures["serving_default"]
    served = {name: value.numpy() for name, value in signature(tf.constant(raw)).items()}
    expected = from_raw(transform_run, raw)
    np.testing.assert_array_equal(served.pop("dense"), expected.pop("dense"))
    assert set(served) == set(expected)
    for name, ids in expected.items():
        found = [[i for i in row if i != -1] for row in served[name]]
        wanted: list[list[int]] = [[] for _ in raw]
        for (row, _), value in zip(ids.indices, ids.values, strict=True):
            if value != -1:
                wanted[row].append(int(value))
        assert found == wanted, name


def test_users_normalizer_may_call_an_analyzer(transform_run: Any) -> None:
    transformed = records(transform_run.transformed_examples, "train")
    spec = {"trip_seconds": tf.io.FixedLenFeature([1], tf.float32)}
    seconds = tf.io.parse_example(transformed, spec)["trip_seconds"].numpy()
    assert abs(seconds.mean()) < 1e-3
    assert seconds.std() == pytest.approx(1, abs=1e-3)


def test_learned_facts(transform_run: Any) -> None:
    facts = content(transform_run)["facts"]
    spec = {"fare": tf.io.VarLenFeature(tf.float32)}
    raw = tf.io.parse_example(records(transform_run.examples, "train"), spec)
    fares = raw["fare"].values.numpy().astype(np.float64)
    assert facts["fare"]["mean"] == pytest.approx(fares.mean(), rel=1e-4)
    assert facts["fare"]["variance"] == pytest.approx(fares.var(), rel=1e-4)
    assert facts["company"]["vocabulary_size"] == 20
    assert len(facts["pickup_latitude_bucketized"]["boundaries"]) == 4


def test_buckets_hold_about_equally_many_examples(transform_run: Any) -> None:
    spec = {"pickup_latitude": tf.io.VarLenFeature(tf.float32)}
    raw = tf.io.parse_example(records(transform_run.examples, "train"), spec)
    boundaries = content(transform_run)["facts"]["pickup_latitude_bucketized"]["boundaries"]
    latitudes = raw["pickup_latitude"].values.numpy()
    below = [(latitudes < boundary).mean() for boundary in boundaries]
    # Taxi latitudes are those of areas: few distinct values, so no bucket is exact.
    assert below == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.08)


def test_writes_what_stock_transform_writes(transform_run: Any) -> None:
    output = tft.TFTransformOutput(transform_run.transform_graph)
    spec = output.transformed_feature_spec()
    assert spec["big_tipper"] == tf.io.FixedLenFeature([1], tf.int64)
    assert spec["company"] == tf.io.VarLenFeature(tf.int64)
    assert spec["fare"] == tf.io.FixedLenFeature([1], tf.float32)
    assert "tips" in output.raw_feature_spec()
    assert len(output.vocabulary_by_name("vocabulary_company")) == 20
    for split in ("train", "eval"):
        transformed = records(transform_run.transformed_examples, split)
        assert len(transformed) == len(records(transform_run.examples, split))
    parsed = tf.io.parse_example(transformed, spec)
    assert set(np.unique(parsed["big_tipper"])) == {0, 1}
    assert json.loads(transform_run.transformed_properties["split_names"]) == ["train", "eval"]
    leftovers = pathlib.Path(transform_run.transform_graph).glob(".*")
    assert list(leftovers) == []


def test_stock_trainer_reads_the_outputs(transform_run: Any) -> None:
    read = pathlib.Path(transform_run.model, "Format-Serving", "read").read_text().split()
    assert {"company", "fare", "pickup_latitude_bucketized"} <= set(read)
    assert read[-1] == "8"


def test_report_says_which_side_and_why(transform_run: Any) -> None:
    written = content(transform_run)
    by_place = {entry["place"]: entry for entry in written["columns"]}
    embedding = by_place["dnn/4"]
    assert embedding["name"] == "company_embedding"
    assert embedding["features"] == ["company"]
    assert embedding["on_beam"] == ["LearnedVocabularyColumn"]
    assert embedding["in_model"] == ["EmbeddingColumn"]
    assert "trained" in embedding["why"]
    assert written["label_key"] == "big_tipper"


def test_other_columns_than_the_transform_saw_are_refused(transform_run: Any) -> None:
    path = pathlib.Path(transform_run.feature_columns) / "columns.json"
    changed = [fc.categorical_column_with_identity("trip_start_hour", 25)]
    with pytest.raises(ColumnError, match=r"number_buckets.*25"):
        columns.load_model_columns(changed, path)
    with pytest.raises(ColumnError, match="needs the transformed feature 'tips'"):
        columns.load_model_columns([fc.numeric_column("tips")], path)
    hour = fc.categorical_column_with_identity("trip_start_hour", 24)
    # What matters in the model only may change.
    assert columns.load_model_columns([fc.embedding_column(hour, 5)], path)[0].dimension == 5
