"""The taxi pipeline, cold and cached, beside stock TFX on the same rows.

Each pipeline is run three times: cold; again, nothing changed; and once more. TFX's resolver of
the latest blessed model finds in the second run the model of the first, so that the stock
pipeline evaluates it again, compared with itself. Ours does not. In the third run every step of
both is cached.

Every figure is the wall time of a whole process, imports included, with its peak memory and the
seconds of each step that ran, by ML Metadata. The two pipelines run in turn; the table gives
medians, the last line is one line of JSON.

    python benchmarks/pipeline.py [--rounds 1] [--rows 1000000] [--train-steps 400] [--data FOLDER]

Ours is run by `tfx-estimators run taxi`. The peer is a script: TFX's LocalDagRunner over stock
CsvExampleGen, StatisticsGen, SchemaGen, ExampleValidator, Transform, Trainer, Resolver,
Evaluator, BulkInferrer and Pusher, with the module `benchmarks/stock_taxi.py`.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import statistics
import tempfile
from typing import Any

from ingest import write_trips
from tfx_estimators.json_text import dumps, finite
from whole_process import run_python

HERE = pathlib.Path(__file__).resolve().parent
KINDS = ("cold", "cached", "all cached")
"""What the three runs of a pipeline are called."""


def stock_pipeline(root: pathlib.Path, train_steps: int, rows: pathlib.Path | None) -> Any:
    """Stock components over the rows, steps and thresholds of the taxi pipeline."""
    from tfx import v1 as tfx

    from tensorflow_model_analysis.proto import config_pb2  # isort: skip
    from google.protobuf import text_format

    from tfx_estimators.pipelines.taxi import data

    folder, pattern = data.find_trips(rows)
    proto = tfx.proto
    examples = tfx.components.CsvExampleGen(
        input_base=str(folder),
        input_config=proto.Input(splits=[proto.Input.Split(name="trips", pattern=pattern)]),
    )
    statistics_gen = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"])
    validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema.outputs["schema"]
    )
    module = str(HERE / "stock_taxi.py")
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"], schema=schema.outputs["schema"], module_file=module
    )
    trainer = tfx.components.Trainer(
        module_file=module,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=proto.TrainArgs(num_steps=train_steps),
        eval_args=proto.EvalArgs(num_steps=100),
    )
    baseline = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("LatestBlessedModel")
    config = text_format.Parse(
        """
        model_specs {
          signature_name: "predict" label_key: "big_tipper" prediction_key: "logistic"
        }
        slicing_specs {}
        slicing_specs { feature_keys: "payment_type" }
        metrics_specs {
          metrics { class_name: "ExampleCount" }
          metrics { class_name: "BinaryAccuracy" }
          metrics { class_name: "AUCPrecisionRecall" }
          metrics { class_name: "BinaryCrossEntropy" }
          metrics { class_name: "Precision" }
          metrics { class_name: "Recall" }
          metrics {
            class_name: "AUC"
            per_slice_thresholds {
              slicing_specs {}
              threshold { value_threshold { lower_bound { value: 0.7 } } }
            }
          }
        }
        """,
        config_pb2.EvalConfig(),
    )
    evaluator = tfx.components.Evaluator(
        examples=transform.outputs["transformed_examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        eval_config=config,
    )
    predictor = tfx.components.BulkInferrer(
        examples=transform.outputs["transformed_examples"],
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        data_spec=proto.DataSpec(example_splits=["eval"]),
        model_spec=proto.ModelSpec(),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=proto.PushDestination(
            filesystem=proto.PushDestination.Filesystem(base_directory=str(root / "serving"))
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name="stock_taxi",
        pipeline_root=str(root / "artifacts"),
        components=[
            examples, statistics_gen, schema, validator, transform,
            trainer, baseline, evaluator, predictor, pusher,
        ],
        enable_cache=True,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(root / "metadata.sqlite")
        ),
    )  # fmt: skip


def run_stock(root: pathlib.Path, train_steps: int, rows: pathlib.Path | None) -> None:
    """Runs the stock pipeline in this process."""
    root.mkdir(parents=True, exist_ok=True)
    from tfx_estimators import estimator

    # From 1.16 on stock TFX brings no estimators; its module gets them from the runtime.
    estimator.activate()
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    LocalDagRunner().run(stock_pipeline(root, train_steps, rows))


def command(which: str, root: pathlib.Path, train_steps: int, rows: pathlib.Path | None) -> Any:
    """How users run one of the two pipelines."""
    data = ["--data", str(rows)] if rows else []
    if which == "ours":
        steps = f"trainer.train_steps={train_steps}"
        return ["-m", "tfx_estimators.cli", "run", "taxi", "--root", root, "--set", steps, *data]
    return [__file__, "--stock", "--root", root, "--train-steps", str(train_steps), *data]


def timed(which: str, root: pathlib.Path, train_steps: int, rows: pathlib.Path | None) -> float:
    """Wall seconds of a process that runs the pipeline once."""
    used = run_python(command(which, root, train_steps, rows), f"the {which} pipeline")
    print(f"{which} {used.wall:.1f} s, peak memory {used.peak_memory:.0f} MB", flush=True)
    return used.wall


def print_steps(root: pathlib.Path) -> None:
    """Prints how long each step took that a root's newest run did not answer from the cache."""
    from tfx_estimators.lineage.runs import find_run
    from tfx_estimators.lineage.store import open_store

    for step in find_run(open_store(next(root.rglob("metadata.sqlite"))), "latest").steps:
        if step.state != "cached":
            print(f"    {step.node:24}{step.seconds:8.1f} s", flush=True)


def main() -> None:
    """Runs both pipelines in turn and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1, help="three runs of each")
    parser.add_argument("--train-steps", type=int, default=400)
    parser.add_argument(
        "--data", type=pathlib.Path, help="folder of the trips as CSV (TFX 1.15 brings none)"
    )
    parser.add_argument(
        "--rows", type=int, help="the trips are repeated up to this number; 10000 by default"
    )
    parser.add_argument("--stock", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stock:
        run_stock(arguments.root, arguments.train_steps, arguments.data)
        return
    seconds: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as work:
        data = arguments.data
        if arguments.rows is not None:
            data = pathlib.Path(work, "trips")
            write_trips(data, arguments.rows, "csv")
        for number in range(arguments.rounds):
            for which in ("ours", "stock"):
                root = pathlib.Path(work, f"{which}-{number}")
                for kind in KINDS:
                    print(f"round {number + 1}, {kind}: ", end="", flush=True)
                    took = timed(which, root, arguments.train_steps, data)
                    seconds.setdefault((which, kind), []).append(took)
                    print_steps(root)
                shutil.rmtree(root)
    median = {key: statistics.median(values) for key, values in seconds.items()}
    print(f"\n{'':14}{'ours':>10}{'stock':>10}{'ratio':>10}")
    ratios = {kind: median["stock", kind] / median["ours", kind] for kind in KINDS}
    for kind, ratio in ratios.items():
        ours, stock = median["ours", kind], median["stock", kind]
        print(f"{kind:14}{ours:9.1f}s{stock:9.1f}s{ratio:9.2f}x")
    figures = {
        "speedup_vs_stock_local": round(ratios["cold"], 3),
        "cached_speedup": round(ratios["cached"], 3),
        "all_cached_speedup": round(ratios["all cached"], 3),
    }
    print(dumps(finite(figures)))


if __name__ == "__main__":
    main()
