"""What a training step was given, read from its artifacts and properties."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tfx.dsl.io import fileio
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, json_utils, path_utils, proto_utils

from tfx_estimators.components.examples import find_splits
from tfx_estimators.components.saved_model import serving_path
from tfx_estimators.components.trainer.checkpoints.training import Training
from tfx_estimators.errors import DataError
from tfx_estimators.estimator.distribution import Policy, from_json
from tfx_estimators.lineage.properties import COLUMNS_FILE

__all__ = ["Artifacts", "TrainingRequest"]

Artifacts = Mapping[str, Sequence[Artifact]]


@dataclasses.dataclass(frozen=True)
class TrainingRequest:
    """One training.

    Attributes:
        inputs: the input artifacts, as TFX hands them to the step.
        outputs: the output artifacts, likewise.
        properties: the execution properties, likewise.
        examples: the Examples artifacts.
        train_splits: names of the splits to train on.
        eval_splits: names of the splits to evaluate on.
        train_steps: batches to train on; None for no limit.
        eval_steps: batches of an evaluation; None for no limit.
        label_key: the label, where the component was given one.
        custom_config: as the component was given it.
        hyperparameters: content of the HyperParameters artifact.
        transform_graph: folder of the transform graph.
        columns_file: path of `columns.json`.
        schema_file: path of the schema, a text protocol buffer.
        base_model: folder of the SavedModel to start from.
        serving_dir: where to export the SavedModel.
        eval_dir: where an EvalSavedModel would have gone.
        model_run_dir: where to keep checkpoints and summaries: the training's folder
            in the checkpoint store, published as `model_run` at the end.
        training: the same folder with what is written into it, and where to go on.
        distribution: the devices and processes to train on; None for this process alone.
    """

    inputs: Artifacts
    outputs: Artifacts
    properties: Mapping[str, Any]
    examples: Sequence[Artifact]
    train_splits: tuple[str, ...]
    eval_splits: tuple[str, ...]
    train_steps: int | None
    eval_steps: int | None
    label_key: str | None
    custom_config: dict[str, Any]
    hyperparameters: dict[str, Any] | None
    transform_graph: str | None
    columns_file: str | None
    schema_file: str | None
    base_model: str | None
    serving_dir: str
    eval_dir: str
    model_run_dir: str
    training: Training
    distribution: Policy | None

    @classmethod
    def from_step(
        cls,
        inputs: Artifacts,
        outputs: Artifacts,
        properties: Mapping[str, Any],
        training: Training,
    ) -> TrainingRequest:
        """Reads what TFX hands to an executor.

        Args:
            inputs: the input artifacts.
            outputs: the output artifacts.
            properties: the execution properties.
            training: the training's folder.

        Raises:
            DataError: if the hyperparameters cannot be read.
        """
        train_args, eval_args = trainer_pb2.TrainArgs(), trainer_pb2.EvalArgs()
        proto_utils.json_to_proto(properties["train_args"], train_args)
        proto_utils.json_to_proto(properties["eval_args"], eval_args)
        columns = _optional_uri(inputs, "feature_columns")
        schema = _optional_uri(inputs, "schema")
        base_model = inputs.get("base_model")
        model = artifact_utils.get_single_instance(list(outputs["model"]))
        distribution = properties.get("distribution")
        return cls(
            inputs=inputs,
            outputs=outputs,
            properties=properties,
            examples=inputs["examples"],
            train_splits=tuple(train_args.splits) or ("train",),
            eval_splits=tuple(eval_args.splits) or ("eval",),
            train_steps=train_args.num_steps or None,
            eval_steps=eval_args.num_steps or None,
            label_key=properties.get("label_key") or None,
            custom_config=json_utils.loads(properties["custom_config"]),
            hyperparameters=_read_hyperparameters(_optional_uri(inputs, "hyperparameters")),
            transform_graph=_optional_uri(inputs, "transform_graph"),
            columns_file=f"{columns}/{COLUMNS_FILE}" if columns else None,
            schema_file=io_utils.get_only_uri_in_dir(schema) if schema else None,
            base_model=serving_path(base_model[0]) if base_model else None,
            serving_dir=path_utils.serving_model_dir(model.uri),
            eval_dir=path_utils.eval_model_dir(model.uri),
            model_run_dir=training.folder,
            training=training,
            distribution=from_json(distribution) if distribution else None,
        )

    def train_files(self) -> list[str]:
        """Files to train on; raises as `examples.find_split` does."""
        return self._files(self.train_splits)

    def eval_files(self) -> list[str]:
        """Files to evaluate on; raises as `examples.find_split` does."""
        return self._files(self.eval_splits)

    def _files(self, splits: Sequence[str]) -> list[str]:
        return [file for split in find_splits(self.examples, splits) for file in split.files]


def _optional_uri(inputs: Artifacts, key: str) -> str | None:
    found = inputs.get(key)
    return str(artifact_utils.get_single_uri(list(found))) if found else None


def _read_hyperparameters(uri: str | None) -> dict[str, Any] | None:
    if uri is None:
        return None
    path = io_utils.get_only_uri_in_dir(uri)
    try:
        with fileio.open(path) as file:
            values = json.loads(file.read())
    except (ValueError, RecursionError) as error:
        raise _unusable(path, str(error)) from error
    if not isinstance(values, dict):
        raise _unusable(path, f"it holds a {type(values).__name__}")
    return values


def _unusable(path: str, why: str) -> DataError:
    return DataError(
        f"the hyperparameters in {path} cannot be used: {why}",
        expected="one JSON object",
        fix="write the values as TFX's Tuner does, or as a plain object of name: value",
    )
