"""What pipelines of TFX's users hold beside the usual steps, around ours, in one run."""

# No postponed annotations here: TFX reads those of component functions as objects.
import json
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tf_examples import make_example, write_records
from tfx.components.infra_validator import request_builder
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.proto import infra_validator_pb2
from tfx.types import standard_artifacts
from tfx.types.standard_artifacts import Examples

from tfx_estimators.components.evaluator.report import load_report
from tfx_estimators.lineage.outputs import Produced, latest_outputs
from tfx_estimators.pipelines import runner

pytestmark = pytest.mark.slow

SPLITS = {"train": 24, "eval": 12, "test": 6}
SPANS = (1, 2, 3)
SCHEMA = """
feature { name: "x" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "y" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
"""
COLUMNS = """
import tensorflow as tf
from tfx_estimators import estimator as tf_estimator
from tfx_estimators.estimator import columns

def feature_columns():
    return [columns.scaled_numeric_column("x", scaling="z_score")]

def estimator_fn(columns, config, params):
    return tf_estimator.DNNClassifier(
        feature_columns=columns, hidden_units=[params["units"]], config=config)
"""
RUN_FN = """
import json
import os
import tensorflow as tf
from tensorflow import estimator as tf_estimator

SPEC = {"x": tf.io.FixedLenFeature([1], tf.float32), "y": tf.io.FixedLenFeature([1], tf.int64)}

def _input_fn(patterns):
    files = [file for pattern in patterns for file in tf.io.gfile.glob(pattern)]
    def parse(records):
        features = tf.io.parse_example(records, SPEC)
        return features, features.pop("y")
    return tf.data.TFRecordDataset(files, "GZIP").repeat().batch(8).map(parse)

def run_fn(fn_args):
    estimator = tf_estimator.LinearClassifier(
        [tf.feature_column.numeric_column("x")], model_dir=fn_args.model_run_dir)
    estimator.train(lambda: _input_fn(fn_args.train_files), steps=fn_args.train_steps)
    receiver = tf_estimator.export.build_parsing_serving_input_receiver_fn({"x": SPEC["x"]})
    exported = estimator.export_saved_model(f"{fn_args.model_run_dir}/export", receiver)
    tf.io.gfile.makedirs(os.path.dirname(fn_args.serving_model_dir))
    tf.io.gfile.rename(os.fsdecode(exported), fn_args.serving_model_dir)
    with open(f"{fn_args.model_run_dir}/seen.json", "w") as file:
        json.dump({"train": fn_args.train_files, "base_model": fn_args.base_model}, file)
"""


@component
def Span(  # type: ignore[no-untyped-def]
    source: Parameter[str],  # type: ignore[valid-type]
    number: Parameter[int],  # type: ignore[valid-type]
    examples: OutputArtifact[Examples],
):
    """One day's examples. TFX's strategies read the custom property, its functions the other."""
    shutil.copytree(source, examples.uri, dirs_exist_ok=True)
    examples.split_names = json.dumps(list(SPLITS))
    examples.span = number
    examples.version = 0
    examples.set_int_custom_property("span", number)


def write_data(folder: pathlib.Path) -> None:
    """Examples of each span, the schema, a Tuner's hyperparameters and the modules."""
    random = np.random.default_rng(4)
    for span in SPANS:
        for split, count in SPLITS.items():
            # Far apart: what scaling learns says which spans it read.
            numbers = random.normal(10 * span, 1, count)
            path = folder / f"span-{span}" / f"Split-{split}" / "data.gz"
            write_records(path, [make_example(x=x, y=int(x > 10 * span)) for x in numbers])
    for name, content in {
        "schema/schema.pbtxt": SCHEMA,
        "tuned/best_hyperparameters.txt": best_hyperparameters(),
        "columns_model.py": COLUMNS,
        "run_model.py": RUN_FN,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)


def best_hyperparameters() -> str:
    """As TFX's Tuner writes them."""
    import keras_tuner

    tuned = keras_tuner.HyperParameters()
    tuned.Int("units", 2, 8, default=3)
    return json.dumps(tuned.get_config())


def field_pipeline(folder: pathlib.Path) -> Any:
    from tensorflow_model_analysis.proto import config_pb2
    from tfx.components import Evaluator, Pusher
    from tfx.dsl.components.common.importer import Importer
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.dsl.control_flow.for_each import ForEach
    from tfx.dsl.experimental.conditionals.conditional import Cond
    from tfx.dsl.input_resolution.canned_resolver_functions import rolling_range
    from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
    from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
        LatestBlessedModelStrategy,
    )
    from tfx.dsl.input_resolution.strategies.span_range_strategy import SpanRangeStrategy
    from tfx.orchestration import metadata, pipeline
    from tfx.proto import pusher_pb2, range_config_pb2, trainer_pb2
    from tfx.types import standard_artifacts as types
    from tfx.types.channel import Channel
    from tfx.types.channel_utils import union

    from tfx_estimators.components import (
        EstimatorEvaluator,
        EstimatorPusher,
        EstimatorTrainer,
        FeatureColumnTransform,
    )

    spans = [
        Span(source=str(folder / f"span-{number}"), number=number).with_id(f"span-{number}")
        for number in SPANS
    ]
    all_spans = union([span.outputs["examples"] for span in spans])
    newest = spans[-1].outputs["examples"]
    schema = Importer(source_uri=str(folder / "schema"), artifact_type=types.Schema).with_id(
        "schema"
    )
    tuned = Importer(source_uri=str(folder / "tuned"), artifact_type=types.HyperParameters).with_id(
        "tuned"
    )
    two_spans = Resolver(
        strategy_class=SpanRangeStrategy,
        config={
            "range_config": range_config_pb2.RangeConfig(
                rolling_range=range_config_pb2.RollingRange(num_spans=2)
            )
        },
        examples=all_spans,
    ).with_id("two_spans")
    transform = FeatureColumnTransform(
        examples=two_spans.outputs["examples"],
        schema=schema.outputs["result"],
        module_file=str(folder / "columns_model.py"),
        label_key="y",
    )

    def columns_trainer(name: str, **arguments: Any) -> Any:
        return EstimatorTrainer(
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            feature_columns=transform.outputs["feature_columns"],
            hyperparameters=tuned.outputs["result"],
            module_file=str(folder / "columns_model.py"),
            **arguments,
        ).with_id(name)

    # One pass over all rows of two splits: its number of steps says what was read.
    trainer = columns_trainer(
        "Trainer",
        train_args=trainer_pb2.TrainArgs(splits=["train", "test"]),
        custom_config={"batch_size": 10},
    )
    evaluator = EstimatorEvaluator(
        examples=newest,
        model=trainer.outputs["model"],
        example_splits=["eval", "test"],
        label_key="y",
        eval_config="""
        metrics_specs { thresholds {
          key: "accuracy" value { value_threshold { lower_bound { value: 0 } } } } }
        """,
    ).with_id("Evaluator")

    def destination(name: str) -> Any:
        return pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / name))
        )

    stock_pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=destination("pushed_by_stock"),
    )
    latest_blessed = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=types.Model),
        model_blessing=Channel(type=types.ModelBlessing),
    ).with_id("latest_blessed")
    latest_blessed.add_upstream_node(evaluator)
    warm = columns_trainer(
        "warm",
        base_model=latest_blessed.outputs["model"],
        train_args=trainer_pb2.TrainArgs(num_steps=1),
    )
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": 0})
    )
    stock_evaluator = Evaluator(
        examples=newest,
        model=warm.outputs["model"],
        example_splits=["eval", "test"],
        eval_config=config_pb2.EvalConfig(
            model_specs=[
                config_pb2.ModelSpec(
                    signature_name="predict", label_key="y", prediction_key="logistic"
                )
            ],
            slicing_specs=[config_pb2.SlicingSpec()],
            metrics_specs=[
                config_pb2.MetricsSpec(
                    metrics=[
                        config_pb2.MetricConfig(class_name="BinaryAccuracy", threshold=threshold),
                        config_pb2.MetricConfig(class_name="ExampleCount"),
                    ]
                )
            ],
        ),
    ).with_id("stock_evaluator")

    def pusher(name: str) -> Any:
        return EstimatorPusher(
            model=warm.outputs["model"],
            model_blessing=stock_evaluator.outputs["blessing"],
            examples=newest,
            push_destination=destination(name),
        ).with_id(name)

    blessed = stock_evaluator.outputs["blessing"].future()[0].custom_property("blessed")
    with Cond(blessed == 1):
        pushed = pusher("pushed")
    with Cond(blessed == 0):
        not_pushed = pusher("not_pushed")

    latest = Resolver(
        strategy_class=LatestArtifactStrategy, model=Channel(type=types.Model)
    ).with_id("latest")
    latest.add_upstream_node(warm)

    def run_fn_trainer(name: str, examples: Any, **arguments: Any) -> Any:
        return EstimatorTrainer(
            examples=examples,
            module_file=str(folder / "run_model.py"),
            train_args=trainer_pb2.TrainArgs(num_steps=2),
            **arguments,
        ).with_id(name)

    window = run_fn_trainer(
        "window", rolling_range(all_spans, num_spans=2), base_model=latest.outputs["model"]
    )
    with ForEach(rolling_range(all_spans, num_spans=1)) as one:
        each = run_fn_trainer("each", one)
    return pipeline.Pipeline(
        pipeline_name="field",
        pipeline_root=str(folder / "root"),
        components=[
            *spans, schema, tuned, two_spans, transform, trainer, evaluator, stock_pusher,
            latest_blessed, warm, stock_evaluator, pushed, not_pushed, latest, window, each,
        ],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(folder / "metadata.sqlite")
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("field")
    write_data(folder)
    runner.run(field_pipeline(folder))
    return folder


def made(field: pathlib.Path, node: str) -> Produced:
    return latest_outputs(field / "metadata.sqlite", "field", node)


def rows(field: pathlib.Path, split: str, *spans: int) -> list[tuple[float, int]]:
    """x and y of a split."""
    files = [str(field / f"span-{span}/Split-{split}/data.gz") for span in spans]
    found = []
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        found.append((features["x"].float_list.value[0], features["y"].int64_list.value[0]))
    return found


def variable(field: pathlib.Path, node: str, name: str) -> Any:
    checkpoint = tf.train.latest_checkpoint(made(field, node).uri("model_run"))
    return tf.train.load_variable(checkpoint, name)


def pushed(folder: pathlib.Path) -> list[str]:
    return [path.name for path in folder.glob("[0-9]*/saved_model.pb")]


HIDDEN = "dnn/hiddenlayer_0/kernel"


def test_a_range_of_spans_is_transformed_and_all_its_splits_trained_on(field: pathlib.Path) -> None:
    folder = pathlib.Path(made(field, "FeatureColumnTransform").uri("transformed_examples"))
    files = sorted(str(file) for file in (folder / "Split-train").glob("*"))
    scaled = []
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        scaled += [features[name].float_list.value[0] for name in features if name != "y"]
    xs = np.array([x for x, _ in rows(field, "train", 2, 3)])
    np.testing.assert_allclose(sorted(scaled), sorted((xs - xs.mean()) / xs.std()), atol=1e-4)
    count = len(rows(field, "train", 2, 3)) + len(rows(field, "test", 2, 3))
    assert variable(field, "Trainer", "global_step") == count // 10


def test_a_window_of_spans_and_each_artifact_of_a_loop_reach_a_trainer(
    field: pathlib.Path,
) -> None:
    for node, spans in (("window", [2, 3]), ("each", [3])):
        seen = json.loads(
            (pathlib.Path(made(field, node).uri("model_run")) / "seen.json").read_text()
        )
        folders = [made(field, f"span-{span}").uri("examples") for span in spans]
        assert sorted(seen["train"]) == sorted(f"{one}/Split-train/*" for one in folders)


def test_what_stocks_tuner_wrote_is_what_the_model_has(field: pathlib.Path) -> None:
    assert variable(field, "Trainer", HIDDEN).shape == (1, 3)


def test_the_latest_models_are_base_models(field: pathlib.Path) -> None:
    # One step of Adagrad moves no weight by more than its learning rate.
    step = np.abs(variable(field, "warm", HIDDEN) - variable(field, "Trainer", HIDDEN))
    assert step.max() <= 0.05
    seen = json.loads(
        (pathlib.Path(made(field, "window").uri("model_run")) / "seen.json").read_text()
    )
    assert seen["base_model"] == made(field, "warm").uri("model") + "/Format-Serving"


def test_our_evaluator_takes_several_splits_and_stocks_pusher_its_blessing(
    field: pathlib.Path,
) -> None:
    evaluation = made(field, "Evaluator")
    labels = [y for split in ("eval", "test") for _, y in rows(field, split, 3)]
    metrics = load_report(evaluation.uri("evaluation")).overall().metrics
    assert metrics["label/mean"] == pytest.approx(np.mean(labels))
    assert evaluation.custom("blessing", "blessed") == 1
    assert len(pushed(field / "pushed_by_stock")) == 1


def test_stocks_evaluator_takes_our_model_and_a_condition_on_it_pushes(field: pathlib.Path) -> None:
    evaluation = made(field, "stock_evaluator")
    result = tfma.load_eval_result(evaluation.uri("evaluation"))
    metrics = dict(result.slicing_metrics)[()][""][""]
    assert metrics["example_count"]["doubleValue"] == SPLITS["eval"] + SPLITS["test"]
    assert evaluation.custom("blessing", "blessed") == 1
    assert len(pushed(field / "pushed")) == 1
    assert pushed(field / "not_pushed") == []


def test_infra_validator_builds_its_requests_from_our_model(field: pathlib.Path) -> None:
    """The rest of it needs Docker."""
    model, examples = standard_artifacts.Model(), Examples()
    model.uri = made(field, "Trainer").uri("model")
    examples.uri = made(field, "span-3").uri("examples")
    examples.split_names = json.dumps(list(SPLITS))
    wanted = infra_validator_pb2.RequestSpec(
        tensorflow_serving=infra_validator_pb2.TensorFlowServingRequestSpec(),
        split_name="test",
        num_examples=2,
    )
    requests = request_builder.build_requests("field", model, examples, wanted)
    assert len(requests) == 2
