"""The digits pipeline: two processes train a convolutional network in step.

                   +-> StatisticsGen -> SchemaGen
ImportExampleGen --+
                   +-> FeatureColumnTransform -> EstimatorTrainer -+-> EstimatorEvaluator
                                                 (MultiWorker(2))  +-> EstimatorPusher
"""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

from tfx_estimators.pipelines.parameters import Parameter
from tfx_estimators.pipelines.workspace import Workspace

__all__ = ["create_pipeline", "summary"]

NAME = "digits"
MODULE = "tfx_estimators.pipelines.digits.model"
LABEL_KEY = "digit"
METRICS = ("example_count", "accuracy", "average_loss")
TRAIN_STEPS = 300
EVAL_STEPS = 10
BATCH_SIZE = 32
WORKERS = 2
SEED = 1797
# Better than one in two, where a guess is right one time in ten.
EVAL_CONFIG = """
slicing_specs {}
metrics_specs {
  per_slice_thresholds {
    key: "accuracy"
    value {
      thresholds {
        slicing_specs {}
        threshold { value_threshold { lower_bound { value: 0.5 } } }
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
    workers: int = WORKERS,
    beam_pipeline_args: list[str] | None = None,
) -> Any:
    """Defines the pipeline; nothing runs yet.

    Args:
        root: folder for all that a run makes.
        data: folder of TFRecord files; by default scikit-learn's digits are written to
            `root/digits`.
        train_steps: batches that each worker trains on.
        eval_steps: batches per evaluation during training.
        workers: processes that train, in step.
        beam_pipeline_args: flags for every Beam step.

    Returns:
        a `tfx.orchestration.pipeline.Pipeline`.

    Raises:
        DataError: if `data` holds no TFRecord files.
        MissingDependencyError: if scikit-learn is not installed.
    """
    from tfx_estimators.pipelines.digits.data import PATTERN, find_digits

    folder = find_digits(data, root / "digits")

    from tfx.components.example_gen.import_example_gen.component import ImportExampleGen

    from tfx_estimators.estimator.distribution import MultiWorker
    from tfx_estimators.pipelines.usual import (
        estimator_pipeline,
        example_splits,
        schema_with_shapes,
    )

    return estimator_pipeline(
        NAME,
        root,
        ImportExampleGen(
            input_base=str(folder), **example_splits(PATTERN, {"train": 4, "eval": 1})
        ),
        module_path=MODULE,
        label_key=LABEL_KEY,
        train_steps=train_steps,
        eval_steps=eval_steps,
        eval_config=EVAL_CONFIG,
        custom_config={
            "seed": SEED,
            "batch_size": BATCH_SIZE,
            "run_config": {"save_checkpoints_steps": max(1, train_steps // 3)},
        },
        distribution=MultiWorker(workers=workers),
        # An image is an array of a fixed shape, which the schema has to say.
        replace={"schema": schema_with_shapes, "predictor": None},
        beam_pipeline_args=beam_pipeline_args,
    )


def summary(root: pathlib.Path) -> str:
    """The closing table of a run under `root`."""
    from tfx_estimators.pipelines.closing_table import closing_table

    return closing_table(Workspace(NAME, root), METRICS)
