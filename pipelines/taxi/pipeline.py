"""The taxi pipeline: CSV -> examples -> statistics, schema -> our five components.

                +-> StatisticsGen -> SchemaGen -> ExampleValidator
CsvExampleGen --+
                +-> FeatureColumnTransform -> EstimatorTrainer -+-> EstimatorEvaluator
                                                                +-> EstimatorPredictor
                                                                +-> EstimatorPusher
"""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

from tfx_estimators.pipelines.parameters import Parameter
from tfx_estimators.pipelines.workspace import Workspace

__all__ = ["create_pipeline", "diagnose", "summary"]

NAME = "taxi"
MODULE = "tfx_estimators.pipelines.taxi.model"
LABEL_KEY = "big_tipper"
METRICS = ("example_count", "accuracy", "auc", "average_loss")
TRAIN_STEPS = 400
EVAL_STEPS = 100
SEED = 20130101


def create_pipeline(
    root: pathlib.Path,
    data: pathlib.PurePath | None = None,
    *,
    train_steps: Annotated[int, Parameter("trainer.train_steps")] = TRAIN_STEPS,
    eval_steps: Annotated[int, Parameter("trainer.eval_steps")] = EVAL_STEPS,
    hidden_units: Annotated[tuple[int, ...] | None, Parameter("model.hidden_units")] = None,
    beam_pipeline_args: list[str] | None = None,
) -> Any:
    """Defines the pipeline; nothing runs yet.

    Args:
        root: folder for all that a run makes: `metadata/`, `artifacts/`, `serving/`.
        data: folder of CSV files; by default the trips inside the TFX wheel.
        train_steps: batches to train on.
        eval_steps: batches per evaluation during training.
        hidden_units: units of each hidden layer, instead of the model's own.
        beam_pipeline_args: flags for every Beam step.

    Returns:
        a `tfx.orchestration.pipeline.Pipeline`.

    Raises:
        DataError: if there are no trips.
    """
    from tfx_estimators.pipelines.taxi import data as taxi_data

    # Before TFX is imported: a wrong folder is answered at once.
    folder, pattern = taxi_data.find_trips(data)

    from tfx.dsl.components.common.resolver import Resolver
    from tfx.proto import example_gen_pb2, trainer_pb2
    from tfx.types.channel import Channel
    from tfx.types.standard_artifacts import Model, ModelBlessing

    from tfx_estimators.components import (
        CsvExampleGen,
        EstimatorEvaluator,
        EstimatorPredictor,
        EstimatorPusher,
        EstimatorTrainer,
        FeatureColumnTransform,
    )
    from tfx_estimators.components.evaluator.baseline import BaselineModelStrategy
    from tfx_estimators.pipelines.data_checks import ExampleValidator, SchemaGen, StatisticsGen
    from tfx_estimators.pipelines.taxi.verdict import EVAL_CONFIG

    workspace = Workspace(NAME, root)
    examples = CsvExampleGen(
        input_base=str(folder),
        input_config=example_gen_pb2.Input(
            splits=[example_gen_pb2.Input.Split(name="trips", pattern=pattern)]
        ),
        output_config=example_gen_pb2.Output(
            split_config=example_gen_pb2.SplitConfig(
                splits=[
                    example_gen_pb2.SplitConfig.Split(name="train", hash_buckets=2),
                    example_gen_pb2.SplitConfig.Split(name="eval", hash_buckets=1),
                ]
            )
        ),
    )
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"], infer_feature_shape=False)
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    transform = FeatureColumnTransform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        module_path=MODULE,
        label_key=LABEL_KEY,
    )
    trainer = EstimatorTrainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        feature_columns=transform.outputs["feature_columns"],
        schema=schema.outputs["schema"],
        module_path=MODULE,
        label_key=LABEL_KEY,
        train_args=trainer_pb2.TrainArgs(num_steps=train_steps),
        eval_args=trainer_pb2.EvalArgs(num_steps=eval_steps),
        custom_config={"seed": SEED, **({"hidden_units": hidden_units} if hidden_units else {})},
        checkpoint_store=str(workspace.checkpoints),
    )
    baseline = Resolver(
        strategy_class=BaselineModelStrategy,
        candidate=trainer.outputs["model"],
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("BaselineModel")
    evaluator = EstimatorEvaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        transform_graph=transform.outputs["transform_graph"],
        baseline_model=baseline.outputs["model"],
        schema=schema.outputs["schema"],
        eval_config=EVAL_CONFIG,
        label_key=LABEL_KEY,
    )
    predictor = EstimatorPredictor(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        example_splits=["eval"],
    )
    pusher = EstimatorPusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        examples=examples.outputs["examples"],
        push_destination=str(workspace.serving),
    )
    return workspace.pipeline(
        [
            examples,
            statistics,
            schema,
            validator,
            transform,
            trainer,
            baseline,
            evaluator,
            predictor,
            pusher,
        ],
        beam_pipeline_args,
    )


def diagnose(data: pathlib.Path | None) -> None:
    """Looks for what made a run fail in the data itself.

    Raises:
        CorruptRecordError: naming the first torn line of the CSV files.
    """
    from tfx_estimators.pipelines.taxi import data as taxi_data

    taxi_data.check_rows(*taxi_data.find_trips(data))


def summary(root: pathlib.Path) -> str:
    """The closing table of a run under `root`."""
    from tfx_estimators.pipelines.closing_table import closing_table

    return closing_table(Workspace(NAME, root), METRICS)
