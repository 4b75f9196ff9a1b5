"""One pipeline run in which the trainer follows each of its contracts."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.types.artifact import Artifact

MODULES = pathlib.Path(__file__).parent / "modules"
SCHEMA = """
feature { name: "x" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "y" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "color" type: BYTES presence { min_count: 1 } }
"""
STEPS = 60
HEADER = """
import tensorflow as tf
from columns_module import estimator_fn, feature_columns
from tfx_estimators import estimator as tf_estimator
"""


@dataclasses.dataclass(frozen=True)
class Trained:
    """What one trainer of the pipeline left behind."""

    model: pathlib.Path
    model_run: pathlib.Path

    @property
    def serving(self) -> pathlib.Path:
        return self.model / "Format-Serving"

    def global_step(self) -> int:
        checkpoint = tf.train.latest_checkpoint(str(self.model_run))
        assert checkpoint is not None
        return int(tf.train.load_variable(checkpoint, "global_step"))


@pytest.fixture(scope="session")
def points(tmp_path_factory: pytest.TempPathFactory, example: Any, make_examples: Any) -> Artifact:
    """Raw examples: x, y and color, 600 to train on and 200 to evaluate on."""
    random = np.random.default_rng(7)

    def make(count: int) -> list[bytes]:
        made = []
        for _ in range(count):
            x = float(random.normal(10, 5))
            y = int(random.random() < 1 / (1 + np.exp(10 - x)))
            color = None if random.random() < 0.05 else str(random.choice(["red", "green", "blue"]))
            made.append(example(x=x, y=y, color=color))
        return made

    return make_examples(tmp_path_factory.mktemp("points"), {"train": make(600), "eval": make(200)})


@pytest.fixture(scope="session")
def schema_folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("schema")
    (folder / "schema.pbtxt").write_text(SCHEMA)
    return folder


@pytest.fixture(scope="session")
def hyperparameters_folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """As KerasTuner writes them."""
    folder = tmp_path_factory.mktemp("hyperparameters")
    tuned = {"space": [], "values": {"hidden_units": [5, 3]}}
    (folder / "best_hyperparameters.txt").write_text(json.dumps(tuned))
    return folder


@pytest.fixture(scope="module")
def importable_modules() -> Iterator[None]:
    """Makes the modules importable here and in Beam's processes, as if installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(MODULES))
        patch.setenv("PYTHONPATH", str(MODULES), prepend=os.pathsep)
        yield


@pytest.fixture(scope="session")
def run_pipeline(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Callable[[str], Trained]]:
    """Runs components by TFX's LocalDagRunner; answers with what a trainer wrote."""
    from tfx.orchestration import metadata, pipeline
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    def run(components: list[Any]) -> Callable[[str], Trained]:
        root = tmp_path_factory.mktemp("pipeline")
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="trainer",
                pipeline_root=str(root / "artifacts"),
                components=components,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(
                    str(root / "metadata.sqlite")
                ),
            )
        )

        def find(component_id: str) -> Trained:
            outputs = root / "artifacts" / component_id
            (model,) = (outputs / "model").iterdir()
            (model_run,) = (outputs / "model_run").iterdir()
            return Trained(model, model_run)

        find.artifacts = root / "artifacts"  # type: ignore[attr-defined]
        return find

    return run


@pytest.fixture(scope="session")
def import_artifacts(
    points: Artifact, schema_folder: pathlib.Path, hyperparameters_folder: pathlib.Path
) -> Callable[[], list[Any]]:
    """Importers of the points, their schema and the hyperparameters."""
    from tfx.dsl.components.common.importer import Importer
    from tfx.types import standard_artifacts

    def make() -> list[Any]:
        return [
            Importer(
                source_uri=points.uri,
                artifact_type=standard_artifacts.Examples,
                properties={"split_names": points.split_names},
            ).with_id("points"),
            Importer(
                source_uri=str(schema_folder), artifact_type=standard_artifacts.Schema
            ).with_id("schema"),
            Importer(
                source_uri=str(hyperparameters_folder),
                artifact_type=standard_artifacts.HyperParameters,
            ).with_id("tuned"),
        ]

    return make


@pytest.fixture(scope="session")
def columns_runs(
    run_pipeline: Any, import_artifacts: Callable[[], list[Any]]
) -> Callable[[str], Trained]:
    """Trainers first, again, warm and small behind one FeatureColumnTransform."""
    from tfx.proto import trainer_pb2

    from tfx_estimators.components import EstimatorTrainer, FeatureColumnTransform

    examples, schema, tuned = import_artifacts()
    transform = FeatureColumnTransform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        module_file=str(MODULES / "columns_module.py"),
        label_key="y",
    )

    def trainer(name: str, steps: int = STEPS, **arguments: Any) -> Any:
        return EstimatorTrainer(
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            feature_columns=transform.outputs["feature_columns"],
            schema=schema.outputs["result"],
            module_file=str(MODULES / "columns_module.py"),
            train_args=trainer_pb2.TrainArgs(num_steps=steps),
            **arguments,
        ).with_id(name)

    first = trainer("first", custom_config={"seed": 5, "batch_size": 32})
    again = trainer("again", custom_config={"seed": 5, "batch_size": 32}, fresh="again")
    warm = trainer("warm", steps=1, custom_config={"seed": 99}, base_model=first.outputs["model"])
    small = trainer(
        "small",
        steps=3,
        hyperparameters=tuned.outputs["result"],
        custom_config={"hidden_units": [2], "run_config": {"save_checkpoints_steps": 2}},
    )
    return run_pipeline([examples, schema, tuned, transform, first, again, warm, small])


@pytest.fixture(autouse=True)
def _own_checkpoints(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test goes on with another's training."""
    monkeypatch.setenv("TFX_ESTIMATORS_CHECKPOINTS", str(tmp_path / "checkpoints"))


@pytest.fixture
def module(tmp_path: pathlib.Path, importable_modules: None) -> Callable[[str], str]:
    """Writes a module that is columns_module with other functions over it."""

    def write(code: str) -> str:
        path = tmp_path / f"module_{abs(hash(code))}.py"
        path.write_text(HEADER + code)
        return str(path)

    return write


@pytest.fixture
def train(
    execute: Any, channel: Any, columns_runs: Any, tmp_path: pathlib.Path
) -> Callable[..., Trained]:
    """Trains on the transformed points; `examples` and `base_model` may be others."""
    transform = columns_runs("first").model.parent.parent.parent / "FeatureColumnTransform"

    from tfx.proto import trainer_pb2
    from tfx.types import artifact_utils, standard_artifacts

    from tfx_estimators.components import EstimatorTrainer
    from tfx_estimators.components.artifacts import FeatureColumns

    def artifact(kind: Any, key: str) -> Artifact:
        made = kind()
        (folder,) = (transform / key).iterdir()
        made.uri = str(folder)
        return made

    def run(
        module_file: str = str(MODULES / "columns_module.py"),
        *,
        examples: Artifact | None = None,
        base_model: Artifact | None = None,
        steps: int = 5,
        **arguments: Any,
    ) -> Trained:
        if examples is None:
            examples = artifact(standard_artifacts.Examples, "transformed_examples")
            examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
        component = EstimatorTrainer(
            examples=channel(standard_artifacts.Examples),
            transform_graph=channel(standard_artifacts.TransformGraph),
            feature_columns=channel(FeatureColumns),
            base_model=channel(standard_artifacts.Model),
            module_file=module_file,
            train_args=trainer_pb2.TrainArgs(num_steps=steps),
            **arguments,
        )
        inputs = {
            "examples": examples,
            "transform_graph": artifact(standard_artifacts.TransformGraph, "transform_graph"),
            "feature_columns": artifact(FeatureColumns, "feature_columns"),
            "base_model": base_model,
        }
        try:
            outputs = execute(component, inputs)
        finally:
            run.published = (tmp_path / "out/model/Format-Serving").exists()  # type: ignore[attr-defined]
        return Trained(pathlib.Path(outputs["model"].uri), pathlib.Path(outputs["model_run"].uri))

    return run
