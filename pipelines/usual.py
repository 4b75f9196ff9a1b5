"""The usual pipeline in a few lines: examples to a pushed model, each part replaceable.

    def create_pipeline(root, data):
        return estimator_pipeline(
            "mine", root, csv_examples(data), module_file="model.py", label_key="clicked"
        )

The same pipeline is written out in full in `tfx_estimators.pipelines.taxi.pipeline`.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_estimators.errors import PipelineError
from tfx_estimators.pipelines.workspace import Workspace

if TYPE_CHECKING:
    from tfx_estimators.components.tuner.search import Search
    from tfx_estimators.estimator.distribution import Policy

__all__ = [
    "STEPS",
    "csv_examples",
    "estimator_pipeline",
    "example_splits",
    "parquet_examples",
    "schema_with_shapes",
    "tf_examples",
]

STEPS = (
    "examples",
    "statistics",
    "schema",
    "transform",
    "tuner",
    "trainer",
    "evaluator",
    "predictor",
    "pusher",
)
"""The parts of the usual pipeline, in their order; the tuner only where a search is given."""

Parts = Mapping[str, Any]
"""The components made so far, by their names in `STEPS`."""

TWO_TO_ONE = {"train": 2, "eval": 1}


def csv_examples(
    folder: str | os.PathLike[str],
    pattern: str = "*.csv",
    splits: Mapping[str, int] = TWO_TO_ONE,
) -> Any:
    """A `CsvExampleGen` over the CSV files of a folder.

    Args:
        folder: holds the files.
        pattern: of their names.
        splits: the splits to make, with the share of each.
    """
    from tfx_estimators.components import CsvExampleGen

    return CsvExampleGen(input_base=str(folder), **example_splits(pattern, splits))


def parquet_examples(
    folder: str | os.PathLike[str],
    pattern: str = "*.parquet",
    splits: Mapping[str, int] = TWO_TO_ONE,
) -> Any:
    """A `ParquetExampleGen` over the Parquet files of a folder; see `csv_examples`."""
    from tfx_estimators.components import ParquetExampleGen

    return ParquetExampleGen(input_base=str(folder), **example_splits(pattern, splits))


def tf_examples(
    folder: str | os.PathLike[str],
    pattern: str = "*.tfrecord*",
    splits: Mapping[str, int] = TWO_TO_ONE,
) -> Any:
    """TFX's `ImportExampleGen` over the TFRecord files of a folder; see `csv_examples`."""
    from tfx.components.example_gen.import_example_gen.component import ImportExampleGen

    return ImportExampleGen(input_base=str(folder), **example_splits(pattern, splits))


def example_splits(pattern: str, splits: Mapping[str, int] = TWO_TO_ONE) -> dict[str, Any]:
    """`input_config` and `output_config` of an ExampleGen that divides its files by a hash.

    Args:
        pattern: of the files' names.
        splits: the splits to make, with the share of each.
    """
    from tfx.proto import example_gen_pb2

    made = [
        example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=share)
        for name, share in splits.items()
    ]
    return {
        "input_config": example_gen_pb2.Input(
            splits=[example_gen_pb2.Input.Split(name="all", pattern=pattern)]
        ),
        "output_config": example_gen_pb2.Output(
            split_config=example_gen_pb2.SplitConfig(splits=made)
        ),
    }


def estimator_pipeline(
    name: str,
    root: pathlib.Path,
    examples: Any,
    *,
    module_file: str | None = None,
    module_path: str | None = None,
    label_key: str | None = None,
    train_steps: int = 1000,
    eval_steps: int = 50,
    eval_config: str | None = None,
    custom_config: Mapping[str, Any] | None = None,
    distribution: Policy | None = None,
    search: Search | None = None,
    replace: Mapping[str, Callable[[Parts], Any] | None] | None = None,
    beam_pipeline_args: Sequence[str] | None = None,
) -> Any:
    """Defines the pipeline "examples, schema, transform, train, evaluate, predict, push".

    Args:
        name: of the pipeline.
        root: folder for all that a run makes.
        examples: a component whose output "examples" has the splits "train" and "eval".
        module_file: the user's module with `feature_columns` and `estimator_fn`, as a file.
        module_path: the same as a dotted path.
        label_key: name of the label's feature.
        train_steps: batches to train on.
        eval_steps: batches of an evaluation during training.
        eval_config: thresholds and slices, text of a `tfma.EvalConfig`. Without a threshold
            no model is blessed, so none is pushed.
        custom_config: for the trainer, such as {"batch_size": 64, "seed": 1}.
        distribution: the devices and processes to train on, each trial of a search as well.
        search: how to search for hyperparameters first; by default none are searched for.
        replace: for a name of `STEPS`, a function that takes the parts made before it and
            returns the component to use instead; None leaves the part out.
        beam_pipeline_args: flags for every Beam step.

    Returns:
        a `tfx.orchestration.pipeline.Pipeline`.

    Raises:
        PipelineError: if `replace` names a part that there is not, or leaves out one that
            others need.
    """
    replace = replace or {}
    _check_names(replace)
    workspace = Workspace(name, root)
    module = {"module_file": module_file, "module_path": module_path, "label_key": label_key}
    makers: dict[str, Callable[[Parts], Any]] = {
        "examples": lambda parts: examples,
        "statistics": _statistics,
        "schema": _schema,
        "transform": lambda parts: _transform(parts, module),
        "tuner": lambda parts: _tuner(
            parts, module, search, custom_config, train_steps, eval_steps, distribution, workspace
        ),
        "trainer": lambda parts: _trainer(
            parts, module, train_steps, eval_steps, custom_config, distribution, workspace
        ),
        "evaluator": lambda parts: _evaluator(parts, eval_config, label_key),
        "predictor": _predictor,
        "pusher": lambda parts: _pusher(parts, workspace),
    }
    made: dict[str, Any] = {}
    for step in STEPS:
        make = replace.get(step, None if step == "tuner" and search is None else makers[step])
        if make is None:
            continue
        try:
            made[step] = make(made)
        except KeyError as error:
            if error.args[0] not in STEPS:
                raise
            raise PipelineError(
                f"replace={{{error.args[0]!r}: None}} leaves out what {step!r} needs",
                expected=f"a component for {error.args[0]!r}, or neither of the two",
                fix=f"replace {step!r} as well, or leave it out too",
            ) from error
    return workspace.pipeline(list(made.values()), beam_pipeline_args)


def schema_with_shapes(parts: Parts) -> Any:
    """A `SchemaGen` that also states each feature's shape, for `replace={"schema": ...}`.

    Arrays of a fixed shape, such as images, need it; features that may be missing have none.
    """
    return _schema(parts, infer_feature_shape=True)


def _check_names(replace: Mapping[str, Any]) -> None:
    for name in replace:
        if name not in STEPS:
            raise PipelineError(
                f"replace names the unknown part {name!r}",
                expected=f"one of {', '.join(STEPS)}",
                fix="correct the name",
            )


def _statistics(parts: Parts) -> Any:
    from tfx_estimators.pipelines.data_checks import StatisticsGen

    return StatisticsGen(examples=parts["examples"].outputs["examples"])


def _schema(parts: Parts, *, infer_feature_shape: bool = False) -> Any:
    from tfx_estimators.pipelines.data_checks import SchemaGen

    return SchemaGen(
        statistics=parts["statistics"].outputs["statistics"],
        infer_feature_shape=infer_feature_shape,
    )


def _transform(parts: Parts, module: Mapping[str, Any]) -> Any:
    from tfx_estimators.components import FeatureColumnTransform

    return FeatureColumnTransform(
        examples=parts["examples"].outputs["examples"],
        schema=parts["schema"].outputs["schema"],
        **module,
    )


def _tuner(
    parts: Parts,
    module: Mapping[str, Any],
    search: Search | None,
    custom_config: Mapping[str, Any] | None,
    train_steps: int,
    eval_steps: int,
    distribution: Policy | None,
    workspace: Workspace,
) -> Any:
    from tfx.proto import trainer_pb2

    from tfx_estimators.components import EstimatorTuner

    transform = parts["transform"]
    return EstimatorTuner(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        feature_columns=transform.outputs["feature_columns"],
        **module,
        search=search,
        train_args=trainer_pb2.TrainArgs(num_steps=train_steps),
        eval_args=trainer_pb2.EvalArgs(num_steps=eval_steps),
        custom_config=dict(custom_config or {}),
        distribution=distribution,
        checkpoint_store=str(workspace.checkpoints),
    )


def _trainer(
    parts: Parts,
    module: Mapping[str, Any],
    train_steps: int,
    eval_steps: int,
    custom_config: Mapping[str, Any] | None,
    distribution: Policy | None,
    workspace: Workspace,
) -> Any:
    from tfx.proto import trainer_pb2

    from tfx_estimators.components import EstimatorTrainer

    if "transform" in parts:
        transform = parts["transform"]
        inputs = {
            "examples": transform.outputs["transformed_examples"],
            "transform_graph": transform.outputs["transform_graph"],
            "feature_columns": transform.outputs["feature_columns"],
        }
    else:
        inputs = {"examples": parts["examples"].outputs["examples"]}
    if "tuner" in parts:
        inputs["hyperparameters"] = parts["tuner"].outputs["best_hyperparameters"]
    return EstimatorTrainer(
        **inputs,
        schema=parts["schema"].outputs["schema"],
        **module,
        train_args=trainer_pb2.TrainArgs(num_steps=train_steps),
        eval_args=trainer_pb2.EvalArgs(num_steps=eval_steps),
        custom_config=dict(custom_config or {}),
        distribution=distribution,
        checkpoint_store=str(workspace.checkpoints),
    )


def _evaluator(parts: Parts, eval_config: str | None, label_key: str | None) -> Any:
    from tfx_estimators.components import EstimatorEvaluator

    graph = (
        {"transform_graph": parts["transform"].outputs["transform_graph"]}
        if "transform" in parts
        else {}
    )
    return EstimatorEvaluator(
        examples=parts["examples"].outputs["examples"],
        model=parts["trainer"].outputs["model"],
        **graph,
        schema=parts["schema"].outputs["schema"],
        eval_config=eval_config,
        label_key=label_key,
    )


def _predictor(parts: Parts) -> Any:
    from tfx_estimators.components import EstimatorPredictor

    return EstimatorPredictor(
        examples=parts["examples"].outputs["examples"],
        model=parts["trainer"].outputs["model"],
        **_blessing(parts),
        example_splits=["eval"],
    )


def _pusher(parts: Parts, workspace: Workspace) -> Any:
    from tfx_estimators.components import EstimatorPusher

    return EstimatorPusher(
        model=parts["trainer"].outputs["model"],
        **_blessing(parts),
        examples=parts["examples"].outputs["examples"],
        push_destination=str(workspace.serving),
    )


def _blessing(parts: Parts) -> dict[str, Any]:
    """Without an evaluator every model is used."""
    evaluator = parts.get("evaluator")
    return {} if evaluator is None else {"model_blessing": evaluator.outputs["blessing"]}
