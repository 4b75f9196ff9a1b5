"""Batch prediction: the records it writes are the model's own predictions."""

from __future__ import annotations

import csv
import itertools
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tf_examples import write_records
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators.components import EstimatorPredictor
from tfx_estimators.errors import (
    CorruptRecordError,
    DataError,
    EmptySplitError,
    FeatureDtypeError,
    SavedModelError,
    UnsupportedOptionError,
)

Run = Callable[..., Artifact]


def records(folder: pathlib.Path) -> list[bytes]:
    files = sorted(str(file) for file in folder.glob("*.gz"))
    return list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())


def probabilities(rows: list[dict[str, Any]]) -> list[float]:
    return sorted(1 / (1 + np.exp(-2 * np.array([row["x"] for row in rows]))))


@pytest.fixture
def predict(execute: Any, channel: Any, examples: Artifact, model: Artifact) -> Run:
    """`predict(...)` returns the one output artifact."""

    def run(
        *,
        examples: Artifact = examples,
        model: Artifact = model,
        blessing: Artifact | None = None,
        **arguments: Any,
    ) -> Artifact:
        component = EstimatorPredictor(
            examples=channel(standard_artifacts.Examples),
            model=channel(standard_artifacts.Model),
            model_blessing=channel(standard_artifacts.ModelBlessing),
            **arguments,
        )
        inputs = {"examples": examples, "model": model, "model_blessing": blessing}
        (output,) = execute(component, inputs).values()
        return output

    return run


@pytest.mark.stacks
def test_logs_hold_the_request_and_the_prediction(predict: Run, data: dict[str, Any]) -> None:
    output = predict(example_splits=["eval"])
    assert output.type_name == "InferenceResult"
    assert len(list(pathlib.Path(output.uri).glob("prediction_logs-*.gz"))) > 0
    logs = [
        prediction_log_pb2.PredictionLog.FromString(r).predict_log
        for r in records(pathlib.Path(output.uri))
    ]
    assert len(logs) == 300
    predicted = [tf.make_ndarray(log.response.outputs["logistic"]) for log in logs]
    assert {p.shape for p in predicted} == {(1, 1)}
    np.testing.assert_allclose(
        sorted(np.ravel(predicted)), probabilities(data["eval"]), rtol=0, atol=1e-6
    )
    for log, probability in zip(logs, np.ravel(predicted), strict=True):
        (request,) = tf.make_ndarray(log.request.inputs["examples"])
        x = tf.train.Example.FromString(request).features.feature["x"].float_list.value[0]
        assert probability == pytest.approx(1 / (1 + np.exp(-2 * x)), abs=1e-6)
    assert tf.make_ndarray(logs[0].response.outputs["all_classes"]).tolist() == [[b"0", b"1"]]


def test_logs_cover_every_split_unless_told_otherwise(predict: Run) -> None:
    assert len(records(pathlib.Path(predict().uri))) == 350


def test_examples_get_the_predictions_as_features(predict: Run, data: dict[str, Any]) -> None:
    output = predict(output_features={"logistic": "p", "classes": "class", "all_class_ids": "ids"})
    assert output.type_name == "Examples"
    assert artifact_utils.decode_split_names(output.split_names) == ["train", "eval"]
    folder = pathlib.Path(artifact_utils.get_split_uri([output], "train"))
    features = [tf.train.Example.FromString(r).features.feature for r in records(folder)]
    found = sorted(f["p"].float_list.value[0] for f in features)
    np.testing.assert_allclose(found, probabilities(data["train"]), rtol=0, atol=1e-6)
    assert all(
        f["class"].bytes_list.value[0] == (b"1" if f["p"].float_list.value[0] > 0.5 else b"0")
        and list(f["ids"].int64_list.value) == [0, 1]
        and f["color"].bytes_list.value
        for f in features
    )


@pytest.mark.stacks
def test_rows_hold_the_features_and_the_classes_by_name(predict: Run, data: dict[str, Any]) -> None:
    output = predict(output_format="csv")
    assert output.type_name == "InferenceResult"
    rows: list[dict[str, str]] = []
    for file in sorted(pathlib.Path(output.uri).iterdir()):
        assert file.match("predictions-*-of-*.csv")
        with file.open(newline="", encoding="utf-8") as lines:
            rows += csv.DictReader(lines)
    names = ["color", "w", "x", "y", "predicted_class", "probability_0", "probability_1"]
    assert {tuple(row) for row in rows} == {tuple(names)}
    everything = [*data["train"], *data["eval"]]
    for made, own in zip(
        sorted(rows, key=lambda row: float(row["x"])),
        sorted(everything, key=lambda row: row["x"]),
        strict=True,
    ):
        assert (made["color"], int(made["y"])) == (own["color"], own["y"])
        assert np.float32(made["x"]) == np.float32(own["x"])
        probability = 1 / (1 + np.exp(-2 * own["x"]))
        assert float(made["probability_1"]) == pytest.approx(probability, abs=1e-6)
        assert made["predicted_class"] == str(int(own["x"] > 0))


def test_a_table_has_the_same_columns_in_every_file_whatever_a_batch_lacks(
    predict: Run, example: Any, tmp_path: pathlib.Path
) -> None:
    long = [example(x=float(row), tags=["a", "b"], raw=b"\xff") for row in range(1100)]
    short = [example(x=-1.0, city="Köln", raw=b"text"), example(x=-2.0, tags=["ü"])]
    folder = tmp_path / "in" / "Split-eval"
    for file, made in enumerate((long, short)):
        write_records(folder / f"{file}.gz", made)
    artifact = standard_artifacts.Examples()
    artifact.uri, artifact.split_names = str(tmp_path / "in"), '["eval"]'
    uri = predict(examples=artifact, output_format="parquet").uri
    table = pq.read_table(uri)  # which fails if the files differ
    assert table.column_names[:4] == ["city", "raw", "tags", "x"]
    rows = {row["x"]: row for row in table.to_pylist()}
    assert len(rows) == 1102
    assert rows[0.0] | {"probability_0": 0, "probability_1": 0} == {
        "city": None,
        "raw": b"\xff",
        "tags": ["a", "b"],
        "x": 0.0,
        "predicted_class": "0",
        "probability_0": 0,
        "probability_1": 0,
    }
    assert (rows[-1.0]["city"], rows[-1.0]["raw"], rows[-1.0]["tags"]) == ("Köln", b"text", None)
    assert (rows[-2.0]["city"], rows[-2.0]["raw"], rows[-2.0]["tags"]) == (None, None, ["ü"])


@pytest.mark.parametrize(
    ("features", "error", "problem"),
    [
        ([{"predicted_class": "1"}], DataError, "already has the column 'predicted_class'"),
        ([{"n": 1}, {"n": "one"}], FeatureDtypeError, "'n' holds .* in some .* in others"),
    ],
)
def test_a_table_that_could_be_read_in_two_ways_is_refused(
    predict: Run,
    example: Any,
    features: list[dict[str, Any]],
    error: type[Exception],
    problem: str,
    tmp_path: pathlib.Path,
) -> None:
    folder = tmp_path / "in" / "Split-eval"
    for file, some in enumerate(features):
        write_records(folder / f"{file}.gz", [example(x=1.0, **some)] * 1024)
    artifact = standard_artifacts.Examples()
    artifact.uri, artifact.split_names = str(tmp_path / "in"), '["eval"]'
    with pytest.raises(error, match=problem):
        predict(examples=artifact, output_format="csv")


def test_a_model_that_is_not_blessed_is_not_used(predict: Run) -> None:
    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property("blessed", 0)
    assert records(pathlib.Path(predict(blessing=blessing).uri)) == []
    blessing.set_int_custom_property("blessed", 1)
    assert len(records(pathlib.Path(predict(blessing=blessing).uri))) == 350


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"example_splits": ["nowhere"]}, EmptySplitError),
        ({"signature_name": "nothing"}, SavedModelError),
        ({"output_features": {"nothing": "p"}}, UnsupportedOptionError),
        ({"output_features": {"logistic": "x"}}, UnsupportedOptionError),
    ],
)
def test_what_does_not_fit_is_refused(
    predict: Run, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match="expected: "):
        predict(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"example_splits": []},
        {"output_features": {}},
        {"output_features": {"a": "p", "b": "p"}},
        {"output_format": "json"},
        {"output_format": "csv", "output_features": {"a": "p"}},
    ],
)
def test_what_cannot_be_meant_is_refused_at_construction(
    channel: Any, arguments: dict[str, Any]
) -> None:
    with pytest.raises((EmptySplitError, UnsupportedOptionError)):
        EstimatorPredictor(
            examples=channel(standard_artifacts.Examples),
            model=channel(standard_artifacts.Model),
            **arguments,
        )


def test_an_example_the_model_cannot_read_is_an_error(
    predict: Run, make_examples: Any, example: Any, tmp_path: pathlib.Path
) -> None:
    lacking = make_examples(tmp_path / "in", {"eval": [example(x=1.0), example(color="red")]})
    with pytest.raises(CorruptRecordError, match="does not accept an example"):
        predict(examples=lacking)


def test_an_output_without_a_row_an_example_is_refused(
    predict: Run, tmp_path: pathlib.Path
) -> None:
    class Classifier(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def predict(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})
            return {"x": parsed["x"], "names": tf.constant(["no", "yes"])}

    module, model = Classifier(), standard_artifacts.Model()
    model.uri = str(tmp_path / "model")
    tf.saved_model.save(module, f"{model.uri}/Format-Serving", {"predict": module.predict})
    with pytest.raises(SavedModelError, match=r"'names' .* has the shape \[2\] for "):
        predict(model=model)
    only = predict(model=model, output_features={"x": "same"})
    folder = pathlib.Path(artifact_utils.get_split_uri([only], "eval"))
    assert len(records(folder)) == 300


def test_small_files_and_a_large_one_give_a_record_an_example_in_one_order(
    predict: Run, example: Any, tmp_path: pathlib.Path
) -> None:
    sizes = [*[1] * 30, 1500]
    numbers = iter(range(sum(sizes)))
    for file, size in enumerate(sizes):
        made = [example(x=float(number)) for number in itertools.islice(numbers, size)]
        write_records(tmp_path / "in" / "Split-eval" / f"{file:02}.gz", made)
    artifact = standard_artifacts.Examples()
    artifact.uri, artifact.split_names = str(tmp_path / "in"), '["eval"]'
    written = records(pathlib.Path(predict(examples=artifact).uri))
    requests = []
    for record in written:
        log = prediction_log_pb2.PredictionLog.FromString(record)
        # Maps in one order: predicting again gives the same files.
        assert record == log.SerializeToString(deterministic=True)
        requests.append(tf.make_ndarray(log.predict_log.request.inputs["examples"])[0])
    everything = [example(x=float(number)) for number in range(sum(sizes))]
    assert sorted(requests) == sorted(everything)
    large = set(everything[30:])
    assert [request for request in requests if request in large] == everything[30:]
