"""Trains and pushes every module that is named in MODULES, all in one process."""

import os
import pathlib


def create_pipeline(root, data):
    from tfx import v1 as tfx

    from tfx_estimators.components import EstimatorPusher, EstimatorTrainer

    artifacts = tfx.types.standard_artifacts
    splits = {"split_names": '["train", "eval"]'}
    schema = tfx.dsl.Importer(
        source_uri=str(data / "schema"), artifact_type=artifacts.Schema
    ).with_id("schema")
    components = [schema]
    for name in os.environ["MODULES"].split(","):
        examples = tfx.dsl.Importer(
            source_uri=str(data / ("lists" if name == "ranking_model" else "examples")),
            artifact_type=artifacts.Examples,
            properties=splits,
        ).with_id(f"{name}_examples")
        trained = EstimatorTrainer(
            examples=examples.outputs["result"],
            schema=schema.outputs["result"],
            module_file=str(pathlib.Path(__file__).with_name(f"{name}.py")),
            train_args=tfx.proto.TrainArgs(num_steps=20),
            eval_args=tfx.proto.EvalArgs(num_steps=2),
        ).with_id(f"{name}_trained")
        filesystem = tfx.proto.PushDestination.Filesystem(base_directory=str(root / name))
        pushed = EstimatorPusher(
            model=trained.outputs["model"],
            push_destination=tfx.proto.PushDestination(filesystem=filesystem),
        ).with_id(f"{name}_pushed")
        components += [examples, trained, pushed]
    store = tfx.orchestration.metadata.sqlite_metadata_connection_config
    return tfx.dsl.Pipeline(
        "libraries",
        str(root / "artifacts"),
        store(str(root / "metadata" / "metadata.sqlite")),
        components=components,
    )
