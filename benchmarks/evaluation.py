"""How long an evaluation takes as a whole step, beside TFX's own Evaluator.

    python benchmarks/evaluation.py [--examples 8000]

One wide & deep estimator, exported for serving, one file of examples and one EvalConfig: the
metrics that `EstimatorEvaluator` gives a binary classifier by default, overall and by a feature
of three values. Each run is a step as Kubeflow Pipelines starts it, a process of its own that
imports what it needs, loads the model, evaluates and writes the evaluation artifact: once the
executor of `EstimatorEvaluator` by our entrypoint, once that of the stock Evaluator by TFX's.
The stock one computes the area under a curve by `EstimatorAUC` too. TensorFlow Model Analysis's
own area has other buckets, so that the numbers would differ, and takes longer.

Runs alternate, five of each where both take less than a minute. The last line is one line of
JSON with ratios of the medians, of wall and of processor time, each side's seconds as median,
lowest and highest, the largest difference between two values of the same metric and slice, and
`imports_only_speedup`: what the ratio of wall times would be for a step that does nothing but
import TensorFlow, Beam and TensorFlow Model Analysis, as long as Beam runs the evaluation and
TensorFlow Model Analysis computes it.
"""

from __future__ import annotations

import argparse
import math
import os
import pathlib
import statistics
import tempfile
import warnings
from typing import Any

from comparison import Seconds, figures, in_turn
from container_step import OUR_ENTRY, TFX_ENTRY, step_arguments
from tfx_estimators.json_text import dumps, finite
from whole_process import run_python

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

OURS, STOCK = "estimator_evaluator", "stock_evaluator"
ENTRIES = {
    OURS: (OUR_ENTRY, "tfx_estimators.components.evaluator.executor.EvaluatorExecutor"),
    STOCK: (TFX_ENTRY, "tfx.components.evaluator.executor.Executor"),
}
"""Entrypoint and executor of each side."""
IMPORTS = """
from tfx_estimators.components.lean_imports import import_less
from tfx_estimators.estimator.activation import activate_with_tensorflow

activate_with_tensorflow()
import_less()
import tensorflow, apache_beam, tensorflow_model_analysis
"""
"""What no evaluation can do without, imported as our steps do."""
AREA = "class_name: 'EstimatorAUC' module: '{}'".format(
    "tfx_estimators.components.evaluator.metrics.estimator_auc"
)
CONFIG = f"""
model_specs {{ signature_name: 'predict' label_key: 'tipped' prediction_key: 'logistic' }}
slicing_specs {{}}
slicing_specs {{ feature_keys: 'payment' }}
metrics_specs {{
  metrics {{ class_name: 'ExampleCount' }}
  metrics {{ class_name: 'BinaryAccuracy' }}
  metrics {{ {AREA} config: '{{"name": "auc"}}' }}
  metrics {{ {AREA} config: '{{"name": "auc_precision_recall", "curve": "PR"}}' }}
  metrics {{ class_name: 'BinaryCrossEntropy' }}
  metrics {{ class_name: 'Precision' }}
  metrics {{ class_name: 'Recall' }}
  metrics {{ class_name: 'MeanLabel' }}
  metrics {{ class_name: 'MeanPrediction' }}
}}
"""


def timed(way: str, root: pathlib.Path, output: pathlib.Path) -> Seconds:
    """Seconds of a process that does the step."""

    def artifact(uri: pathlib.Path, kind: str, **properties: str) -> dict[str, Any]:
        schema = {"instanceSchema": f"title: tfx.{kind}\ntype: object\n"}
        return {"artifacts": [{"uri": str(uri), "type": schema, "metadata": properties}]}

    outputs = {"evaluation": "ModelEvaluation", "blessing": "ModelBlessing"}
    invocation = {
        "inputs": {
            "parameterValues": {
                "eval_config": (root / "config.json").read_text(),
                "example_splits": '["eval"]',
            },
            "artifacts": {
                "model": artifact(root / "model", "Model"),
                "examples": artifact(root / "examples", "Examples", split_names='["eval"]'),
            },
        },
        "outputs": {
            "outputFile": str(output / "output.json"),
            "artifacts": {key: artifact(output / key, kind) for key, kind in outputs.items()},
        },
    }
    text = {"parameterType": "STRING"}
    spec = {"parameters": {"eval_config": text, "example_splits": text}}
    used = run_python(step_arguments(*ENTRIES[way], invocation, spec), way)
    return {"wall": used.wall, "processor": used.processor}


def prepare(root: pathlib.Path, examples: int) -> None:
    """Writes the model, the examples and the configuration."""
    from tfx_estimators.components.evaluator import eval_config

    from wide_and_deep import export, write_examples  # isort: skip

    (root / "model").mkdir()
    export(root).rename(root / "model" / "Format-Serving")
    write_examples(root / "examples", examples)
    config = eval_config.read(CONFIG)
    (root / "config.json").write_text(eval_config.to_json(config))


def metrics(output: pathlib.Path) -> dict[str, float]:
    """What a run has written: every metric of every slice."""
    import tensorflow_model_analysis as tfma

    found: dict[str, float] = {}
    for key, values in tfma.load_eval_result(str(output / "evaluation")).slicing_metrics:
        for name, value in values[""][""].items():
            found[f"{key} {name}"] = float(value["doubleValue"])
    return found


def largest_difference(one: dict[str, float], other: dict[str, float]) -> float:
    """Between two values of the same metric and slice; 0 where both are undefined."""
    assert one.keys() == other.keys(), one.keys() ^ other.keys()
    return max(
        0.0 if math.isnan(one[key]) and math.isnan(other[key]) else abs(one[key] - other[key])
        for key in one
    )


def main() -> None:
    """Times both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=8000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        prepare(root, arguments.examples)

        imports: list[float] = []

        def run(way: str, repetition: int) -> Seconds:
            if way == OURS:
                # In turn with the steps, as the speed of a machine changes.
                imports.append(run_python(["-c", IMPORTS], "imports").wall)
            output = root / f"{way} {repetition}"
            for key in ("evaluation", "blessing"):
                (output / key).mkdir(parents=True)
            return timed(way, root, output)

        taken = in_turn((OURS, STOCK), run)
        found = figures(taken)
        stock, *_ = found[f"{STOCK}_seconds"]
        ours, theirs = (metrics(root / f"{way} 0") for way in (OURS, STOCK))
        said: dict[str, Any] = {
            "examples": arguments.examples,
            "metrics": len(ours),
            **found,
            "imports_only_speedup": round(stock / statistics.median(imports), 2),
            "max_difference": largest_difference(ours, theirs),
        }
        print(dumps(finite(said)))


if __name__ == "__main__":
    main()
