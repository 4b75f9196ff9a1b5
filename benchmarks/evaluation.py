"""How long an evaluation takes over batches, and example by example.

    python benchmarks/evaluation.py [--examples 20000]

One model, one file of examples, the default metrics of a binary classifier, overall and by a
feature of three values: once as `EstimatorEvaluator` does it, once with TensorFlow Model
Analysis going example by example. Starting up, which both do once, is timed with a handful of
examples and taken off. The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import math
import os
import pathlib
import random
import tempfile
import time
import warnings
from typing import Any

from tfx_estimators.json_text import dumps, finite

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import tensorflow as tf  # noqa: E402
from tfx.dsl.components.base import base_beam_executor  # noqa: E402
from tfx.types import artifact_utils, standard_artifacts  # noqa: E402

from tfx_estimators.components.evaluator import eval_config, executor, load_report  # noqa: E402

CONFIG = "slicing_specs {} slicing_specs { feature_keys: 'color' }"
HANDFUL = 20


class Classifier(tf.Module):  # type: ignore[misc]
    """P(y) = sigmoid(2 x)."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def predict(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """As an estimator's signature of that name."""
        parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})
        return {"logistic": tf.sigmoid(2.0 * parsed["x"])}


def write_examples(folder: pathlib.Path, count: int) -> Any:
    """An Examples artifact with one split, "eval"."""
    chance = random.Random(3)
    (folder / "Split-eval").mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "Split-eval" / "data-0")) as writer:
        for _ in range(count):
            x = chance.gauss(0, 1)
            features = {
                "x": tf.train.Feature(float_list=tf.train.FloatList(value=[x])),
                "y": tf.train.Feature(
                    int64_list=tf.train.Int64List(value=[int(chance.gauss(0, 1) < x)])
                ),
                "color": tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[chance.choice([b"r", b"g", b"b"])])
                ),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    examples.split_names = artifact_utils.encode_split_names(["eval"])
    return examples


def evaluate(folder: pathlib.Path, model: Any, examples: Any) -> tuple[float, dict[str, float]]:
    """Seconds and metrics, by slice and name."""
    outputs = {}
    kinds = {
        "evaluation": standard_artifacts.ModelEvaluation,
        "blessing": standard_artifacts.ModelBlessing,
    }
    for key, kind in kinds.items():
        outputs[key] = kind()
        outputs[key].uri = str(folder / key)
        (folder / key).mkdir(parents=True)
    context = base_beam_executor.BaseBeamExecutor.Context(tmp_dir=str(folder), unique_id="1")
    began = time.perf_counter()
    executor.EvaluatorExecutor(context).Do(
        {"model": [model], "examples": [examples]},
        {key: [artifact] for key, artifact in outputs.items()},
        {
            "eval_config": eval_config.to_json(eval_config.read(CONFIG)),
            "label_key": "y",
            "example_splits": '["eval"]',
        },
    )
    seconds = time.perf_counter() - began
    slices = load_report(outputs["evaluation"].uri).slices
    return seconds, {
        f"{one.slice} {name}": value for one in slices for name, value in one.metrics.items()
    }


def main() -> None:
    """Times both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=20000)
    count = parser.parse_args().examples
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        module = Classifier()
        model = standard_artifacts.Model()
        model.uri = str(root / "model")
        tf.saved_model.save(
            module, str(root / "model" / "Format-Serving"), {"predict": module.predict}
        )
        few = write_examples(root / "few", HANDFUL)
        many = write_examples(root / "many", count)
        choose = executor.why_by_example
        answers, seconds = {}, {}
        for way in ("batches", "examples"):
            if way == "examples":
                executor.why_by_example = lambda *_: "to be compared"  # type: ignore[assignment]
            # Twice: the first one imports and traces.
            starts = [evaluate(root / f"{way} {n}", model, few)[0] for n in range(2)]
            taken, answers[way] = evaluate(root / way, model, many)
            seconds[way] = taken - starts[-1]
            print(f"{way}: {taken:.1f} s, of which {starts[-1]:.1f} s to start up", flush=True)
        executor.why_by_example = choose
        one, other = answers["batches"], answers["examples"]
        assert one.keys() == other.keys()
        # A metric may be undefined in a slice, then in both.
        largest = max(
            0.0 if math.isnan(one[key]) and math.isnan(other[key]) else abs(one[key] - other[key])
            for key in one
        )
        figures = {
            "examples": count,
            "batches_seconds": round(seconds["batches"], 2),
            "by_example_seconds": round(seconds["examples"], 2),
            "metrics": len(one),
            "largest_difference": largest,
        }
        print(dumps(finite(figures)))


if __name__ == "__main__":
    main()
