"""The Titanic pipeline: CSV -> examples -> statistics, schema -> our components.

                +-> StatisticsGen -> SchemaGen
CsvExampleGen --+
                +-> FeatureColumnTransform -> EstimatorTrainer -+-> EstimatorEvaluator
                                                                +-> EstimatorPredictor
                                                                +-> EstimatorPusher
"""

from __future__ import annotations

import pathlib
from typing import Any

from tfx_estimators.pipelines.workspace import Workspace

__all__ = ["create_pipeline", "summary"]

NAME = "titanic"
MODULE = "tfx_estimators.pipelines.titanic.model"
LABEL_KEY = "survived"
METRICS = ("example_count", "accuracy", "auc", "average_loss")
TRAIN_STEPS = 100
EVAL_STEPS = 10
BATCH_SIZE = 32
SEED = 1912
# Class and town say something about survival, if not much: better than a coin.
EVAL_CONFIG = """
slicing_specs {}
slicing_specs { feature_keys: "class" }
metrics_specs {
  per_slice_thresholds {
    key: "auc"
    value {
      thresholds {
        slicing_specs {}
        threshold { value_threshold { lower_bound { value: 0.55 } } }
      }
    }
  }
}
"""


def create_pipeline(
    root: pathlib.Path,
    data: pathlib.PurePath | None = None,
    *,
    train_steps: int = TRAIN_STEPS,
    eval_steps: int = EVAL_STEPS,
    beam_pipeline_args: list[str] | None = None,
) -> Any:
    """Defines the pipeline; nothing runs yet.

    Args:
        root: folder for all that a run makes.
        data: folder of CSV files with the columns of the guide's file; by default
            passengers are made up and written to `root/passengers`.
        train_steps: batches to train on.
        eval_steps: batches per evaluation during training.
        beam_pipeline_args: flags for every Beam step.

    Returns:
        a `tfx.orchestration.pipeline.Pipeline`.

    Raises:
        DataError: if `data` holds no CSV files.
    """
    from tfx_estimators.pipelines.titanic.data import find_passengers

    folder = find_passengers(data, root / "passengers")

    from tfx.components.schema_gen.component import SchemaGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.proto import example_gen_pb2, trainer_pb2

    from tfx_estimators.components import (
        CsvExampleGen,
        EstimatorEvaluator,
        EstimatorPredictor,
        EstimatorPusher,
        EstimatorTrainer,
        FeatureColumnTransform,
    )

    workspace = Workspace(NAME, root)
    examples = CsvExampleGen(
        input_base=str(folder),
        input_config=example_gen_pb2.Input(
            splits=[example_gen_pb2.Input.Split(name="passengers", pattern="*.csv")]
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
        custom_config={"seed": SEED, "batch_size": BATCH_SIZE},
        checkpoint_store=str(workspace.checkpoints),
    )
    evaluator = EstimatorEvaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        transform_graph=transform.outputs["transform_graph"],
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
        [examples, statistics, schema, transform, trainer, evaluator, predictor, pusher],
        beam_pipeline_args,
    )


def summary(root: pathlib.Path) -> str:
    """The closing table of a run under `root`."""
    from tfx_estimators.pipelines.closing_table import closing_table

    return closing_table(Workspace(NAME, root), METRICS)
