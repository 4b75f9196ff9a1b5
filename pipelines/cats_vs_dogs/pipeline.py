"""The cats-and-dogs pipeline: TFRecords of images -> Keras-made estimator -> serving folder.

                   +-> StatisticsGen -> SchemaGen -+
ImportExampleGen --+                               v
                   +----------------------> EstimatorTrainer -> EstimatorEvaluator
                                                   +----------> EstimatorPusher
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Annotated, Any

from tfx_estimators.pipelines.parameters import Parameter
from tfx_estimators.pipelines.workspace import Workspace

__all__ = ["create_pipeline", "summary"]

NAME = "cats_vs_dogs"
MODULE = "tfx_estimators.pipelines.cats_vs_dogs.model"
LABEL_KEY = "label"
METRICS = ("example_count", "accuracy", "auc", "average_loss")
TRAIN_STEPS = 50
EVAL_STEPS = 10
BATCH_SIZE = 32
SEED = 160
# A Keras-made estimator exports no signature but the default one. There are no thresholds:
# over made-up images and random weights no figure means anything.
EVAL_CONFIG = """
model_specs { signature_name: "serving_default" }
slicing_specs {}
"""


def create_pipeline(
    root: pathlib.Path,
    data: pathlib.PurePath | None = None,
    *,
    train_steps: Annotated[int, Parameter("trainer.train_steps")] = TRAIN_STEPS,
    eval_steps: Annotated[int, Parameter("trainer.eval_steps")] = EVAL_STEPS,
    batch_size: int = BATCH_SIZE,
    weights: pathlib.Path | None = None,
    beam_pipeline_args: list[str] | None = None,
) -> Any:
    """Defines the pipeline; nothing runs yet.

    Args:
        root: folder for all that a run makes.
        data: folder of TFRecord files with encoded images and labels, as TFDS prepares
            them for `cats_vs_dogs`; by default images are made up and written to
            `root/images`.
        train_steps: batches to train on.
        eval_steps: batches per evaluation during training.
        batch_size: images a batch.
        weights: file with the base's ImageNet weights, as Keras publishes it; without
            they are random, and what the model learns is of no use.
        beam_pipeline_args: flags for every Beam step.

    Returns:
        a `tfx.orchestration.pipeline.Pipeline`.

    Raises:
        DataError: if `data` holds no TFRecord files.
    """
    from tfx_estimators.pipelines.cats_vs_dogs.data import PATTERN, find_images

    folder = find_images(data, root / "images")

    from tfx.components.example_gen.import_example_gen.component import ImportExampleGen

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
            "batch_size": batch_size,
            **({"weights": str(weights)} if weights else {}),
        },
        # The model decodes the images itself, and nothing blesses it: see EVAL_CONFIG.
        replace={
            "schema": schema_with_shapes,
            "transform": None,
            "predictor": None,
            "pusher": lambda parts: _pusher(parts, Workspace(NAME, root)),
        },
        beam_pipeline_args=beam_pipeline_args,
    )


def _pusher(parts: Mapping[str, Any], workspace: Workspace) -> Any:
    from tfx_estimators.components import EstimatorPusher

    return EstimatorPusher(
        model=parts["trainer"].outputs["model"], push_destination=str(workspace.serving)
    )


def summary(root: pathlib.Path) -> str:
    """The closing table of a run under `root`."""
    from tfx_estimators.pipelines.closing_table import closing_table

    return closing_table(Workspace(NAME, root), METRICS)
