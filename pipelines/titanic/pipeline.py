"""The Titanic pipeline: CSV -> examples -> statistics, schema -> our components.

                +-> StatisticsGen -> SchemaGen
CsvExampleGen --+
                +-> FeatureColumnTransform -> EstimatorTrainer -+-> EstimatorEvaluator
                                                                +-> EstimatorPredictor
                                                                +-> EstimatorPusher

With `--set tuner.trials=8`, an EstimatorTuner between the transform and the trainer searches for
the learning rate and the regularization.
"""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

from tfx_estimators.pipelines.parameters import Parameter
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
    train_steps: Annotated[int, Parameter("trainer.train_steps")] = TRAIN_STEPS,
    eval_steps: Annotated[int, Parameter("trainer.eval_steps")] = EVAL_STEPS,
    trials: Annotated[int, Parameter("tuner.trials")] = 0,
    beam_pipeline_args: list[str] | None = None,
) -> Any:
    """Defines the pipeline; nothing runs yet.

    Args:
        root: folder for all that a run makes.
        data: folder of CSV files with the columns of the guide's file; by default
            passengers are made up and written to `root/passengers`.
        train_steps: batches to train on.
        eval_steps: batches per evaluation during training.
        trials: how many choices of hyperparameters to try first; 0 for none.
        beam_pipeline_args: flags for every Beam step.

    Returns:
        a `tfx.orchestration.pipeline.Pipeline`.

    Raises:
        DataError: if `data` holds no CSV files.
    """
    from tfx_estimators.pipelines.titanic.data import find_passengers

    folder = find_passengers(data, root / "passengers")

    from tfx_estimators.components.tuner import RandomSearch
    from tfx_estimators.pipelines.usual import csv_examples, estimator_pipeline

    return estimator_pipeline(
        NAME,
        root,
        csv_examples(folder),
        module_path=MODULE,
        label_key=LABEL_KEY,
        train_steps=train_steps,
        eval_steps=eval_steps,
        eval_config=EVAL_CONFIG,
        custom_config={"seed": SEED, "batch_size": BATCH_SIZE},
        search=RandomSearch(trials, seed=SEED) if trials else None,
        beam_pipeline_args=beam_pipeline_args,
    )


def summary(root: pathlib.Path) -> str:
    """The closing table of a run under `root`."""
    from tfx_estimators.pipelines.closing_table import closing_table

    return closing_table(Workspace(NAME, root), METRICS)
