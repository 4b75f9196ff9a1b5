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
import resource
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from typing import Any

from comparison import Seconds, figures, in_turn
from tfx_estimators.json_text import dumps, finite

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow_serving.apis import prediction_log_pb2  # noqa: E402
from tfx.components.bulk_inferrer import executor as bulk_inferrer  # noqa: E402
from tfx.dsl.components.base import base_beam_executor  # noqa: E402
from tfx.types import standard_artifacts  # noqa: E402

from tfx_estimators.components.predictor.executor import PredictorExecutor  # noqa: E402
from wide_and_deep import export, write_examples  # noqa: E402

HANDFUL = 20
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


def predict(folder: pathlib.Path, way: str, saved: pathlib.Path, examples: Any) -> Seconds:
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
        for way in EITHER:
            predict(root / f"{way} first", way, saved, few)

        def run(way: str, repetition: int) -> Seconds:
            folder = root / f"{way} {repetition}"
            seconds = predict(folder, way, saved, many)
            if repetition:
                shutil.rmtree(folder)
            return seconds

        taken = in_turn(tuple(EITHER), run)
        difference = largest_difference(*(root / f"{way} 0" for way in EITHER), rows)
        said = {"rows": rows, **figures(taken), "max_difference": difference}
        print(dumps(finite(said)))


if __name__ == "__main__":
    main()
