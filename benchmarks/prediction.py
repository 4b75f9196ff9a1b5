"""How long predicting takes, beside TFX's BulkInferrer.

    python benchmarks/prediction.py [--rows 300000]

One wide & deep estimator and one file of examples; every row's prediction with all its outputs,
written as PredictionLogs: once as `EstimatorPredictor` does it, once as the BulkInferrer. Both
are whole steps, with loading the model, after a first run on a handful of rows that imports
and traces. Runs alternate, five of each where both take less than a minute. The last line is
one line of JSON with ratios of the medians, of wall and of processor time, and the largest
difference between two predictions for the same row.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import resource
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from tfx_estimators.json_text import dumps, finite

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow_serving.apis import prediction_log_pb2  # noqa: E402
from tfx.components.bulk_inferrer import executor as bulk_inferrer  # noqa: E402
from tfx.dsl.components.base import base_beam_executor  # noqa: E402
from tfx.types import artifact_utils, standard_artifacts  # noqa: E402

from tfx_estimators import estimator as tf_estimator  # noqa: E402
from tfx_estimators.components.predictor.executor import PredictorExecutor  # noqa: E402

fc = tf.feature_column

NUMBERS = ("fare", "miles", "seconds", "latitude", "longitude")
WORDS = {"payment": ("cash", "card", "other"), "company": tuple(f"company {n}" for n in range(40))}
SPEC = {
    **{key: tf.io.FixedLenFeature([1], tf.float32) for key in NUMBERS},
    **{key: tf.io.FixedLenFeature([1], tf.string) for key in WORDS},
}
HANDFUL = 20
REPETITIONS = 5
SHORT_SECONDS = 60
EITHER = {
    "estimator_predictor": (
        PredictorExecutor,
        {"signature_name": "predict"},
    ),
    "bulk_inferrer": (
        bulk_inferrer.Executor,
        {"data_spec": "{}", "model_spec": '{"model_signature_name": ["predict"]}'},
    ),
}


def serialized(count: int) -> Iterator[bytes]:
    """Rows as serialized tf.Examples."""
    chance = random.Random(3)
    for _ in range(count):
        example = tf.train.Example()
        for key in NUMBERS:
            example.features.feature[key].float_list.value.append(chance.gauss(0, 1))
        for key, words in WORDS.items():
            example.features.feature[key].bytes_list.value.append(chance.choice(words).encode())
        yield example.SerializeToString()


def write_examples(folder: pathlib.Path, count: int) -> Any:
    """An Examples artifact with one split, "eval"."""
    (folder / "Split-eval").mkdir(parents=True)
    path = str(folder / "Split-eval" / "data-0.gz")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions("GZIP")) as writer:
        for record in serialized(count):
            writer.write(record)
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    examples.split_names = artifact_utils.encode_split_names(["eval"])
    return examples


def export(folder: pathlib.Path) -> pathlib.Path:
    """A SavedModel of a wide & deep classifier after one step of training."""
    wide = [fc.categorical_column_with_vocabulary_list(key, words) for key, words in WORDS.items()]
    deep = [fc.numeric_column(key) for key in NUMBERS]
    classifier = tf_estimator.DNNLinearCombinedClassifier(
        model_dir=str(folder / "training"),
        linear_feature_columns=wide,
        dnn_feature_columns=[*deep, *map(fc.indicator_column, wide)],
        dnn_hidden_units=[100, 70, 50, 25],
    )

    def input_fn() -> Any:
        features = tf.io.parse_example(list(serialized(HANDFUL)), SPEC)
        labels = [[number % 2] for number in range(HANDFUL)]
        return tf.data.Dataset.from_tensors((features, tf.constant(labels)))

    classifier.train(input_fn, steps=1)
    receiver = tf_estimator.export.build_parsing_serving_input_receiver_fn(SPEC)
    return pathlib.Path(classifier.export_saved_model(str(folder / "export"), receiver).decode())


def predict(folder: pathlib.Path, way: str, saved: pathlib.Path, examples: Any) -> dict[str, float]:
    """Seconds of wall and of processor time."""
    # A copy, so that nothing is left in this process of having loaded it before.
    model, result = standard_artifacts.Model(), standard_artifacts.InferenceResult()
    model.uri, result.uri = str(folder / "model"), str(folder / "result")
    shutil.copytree(saved, folder / "model" / "Format-Serving")
    executor, properties = EITHER[way]
    context = base_beam_executor.BaseBeamExecutor.Context(tmp_dir=str(folder), unique_id="1")
    began, used = time.perf_counter(), processor_seconds()
    executor(context).Do(
        {"model": [model], "examples": [examples]}, {"inference_result": [result]}, properties
    )
    return {"wall": time.perf_counter() - began, "processor": processor_seconds() - used}


def processor_seconds() -> float:
    """Of this process and the ones it has waited for."""
    spent = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)


def predictions(folder: pathlib.Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """What a run has written: each row's example and outputs."""
    files = sorted(str(file) for file in (folder / "result").glob("prediction_logs-*.gz"))
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record).predict_log
        (example,) = tf.make_ndarray(log.request.inputs["examples"]).tolist()
        yield example, {name: tf.make_ndarray(o) for name, o in log.response.outputs.items()}


def largest_difference(ours: pathlib.Path, theirs: pathlib.Path, rows: int) -> float:
    """Between numbers of the same row and output; anything else that differs is an error."""
    found = dict(predictions(ours))
    largest, seen = 0.0, 0
    for example, outputs in predictions(theirs):
        seen += 1
        assert outputs.keys() == found[example].keys()
        for name, values in outputs.items():
            own = found[example][name]
            assert (own.shape, own.dtype) == (values.shape, values.dtype), name
            if values.dtype == object:
                assert (own == values).all(), name
            else:
                largest = max(largest, float(np.max(np.abs(own - values), initial=0)))
    assert seen == len(found) == rows
    return largest


def main() -> None:
    """Times both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        saved = export(root)
        few, many = (write_examples(root / str(count), count) for count in (HANDFUL, rows))
        taken: dict[str, list[dict[str, float]]] = {way: [] for way in EITHER}
        for way in EITHER:
            predict(root / f"{way} first", way, saved, few)

        def run(repetition: int) -> None:
            for way, times in taken.items():
                folder = root / f"{way} {repetition}"
                times.append(predict(folder, way, saved, many))
                shown = ", ".join(f"{kind} {value:.2f} s" for kind, value in times[-1].items())
                print(f"{way}: {shown}", flush=True)
                if repetition:
                    shutil.rmtree(folder)

        run(0)
        difference = largest_difference(*(root / f"{way} 0" for way in EITHER), rows)
        if all(times[0]["wall"] < SHORT_SECONDS for times in taken.values()):
            for repetition in range(1, REPETITIONS):
                run(repetition)
        print(dumps(finite(figures(rows, taken, difference))))


def figures(
    rows: int, taken: dict[str, list[dict[str, float]]], difference: float
) -> dict[str, Any]:
    """The last line."""

    def of(way: str, kind: str, choose: Callable[[list[float]], float]) -> float:
        return choose([times[kind] for times in taken[way]])

    def ratio(kind: str) -> float:
        ours, theirs = (of(way, kind, statistics.median) for way in EITHER)
        return round(theirs / ours, 2)

    found: dict[str, Any] = {
        "rows": rows,
        "speedup_vs_bulk_inferrer": ratio("wall"),
        "processor_speedup_vs_bulk_inferrer": ratio("processor"),
        "max_difference": difference,
        "repetitions": len(taken["bulk_inferrer"]),
    }
    for way in EITHER:
        chosen = (statistics.median, min, max)
        found[f"{way}_seconds"] = [round(of(way, "wall", choose), 2) for choose in chosen]
        found[f"{way}_processor_seconds"] = [
            round(of(way, "processor", choose), 2) for choose in chosen
        ]
    return found


if __name__ == "__main__":
    main()
