"""A pipeline of one trainer, run in a process of its own."""

import dataclasses
import json
import os
import pathlib
import resource
import signal
import sys
import traceback

from tfx_estimators.collector import collect_seldom

# As in the processes that the command starts.
collect_seldom()

# What each process would have to import, its parent has imported before it forks.
PRELOADED = [
    "tensorflow",
    "tensorflow_transform",
    "tfx.components",
    "tfx.orchestration.local.local_dag_runner",
    "tfx_estimators.components.trainer.contracts.columns",
    "tfx_estimators.pipelines.runner",
]


@dataclasses.dataclass(frozen=True)
class Job:
    """What to train, and with which harm."""

    root: str
    transformed: dict[str, str]  # uri by output key of the transform
    module_file: str
    steps: int = 40
    arguments: dict[str, object] = dataclasses.field(default_factory=dict)
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    file_limit: int | None = None
    pipeline: str = "faulty"


def pipeline(job):
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration import metadata
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import trainer_pb2
    from tfx.types import standard_artifacts

    from tfx_estimators.components import EstimatorTrainer
    from tfx_estimators.components.artifacts import FeatureColumns

    types = {
        "transformed_examples": standard_artifacts.Examples,
        "transform_graph": standard_artifacts.TransformGraph,
        "feature_columns": FeatureColumns,
    }
    importers = {}
    for key, uri in job.transformed.items():
        named = {"split_names": '["train", "eval"]'} if key == "transformed_examples" else None
        importers[key] = Importer(
            source_uri=uri, artifact_type=types[key], properties=named
        ).with_id(key)
    given = {key: importer.outputs["result"] for key, importer in importers.items()}
    trainer = EstimatorTrainer(
        examples=given["transformed_examples"],
        transform_graph=given["transform_graph"],
        feature_columns=given["feature_columns"],
        module_file=job.module_file,
        train_args=trainer_pb2.TrainArgs(num_steps=job.steps),
        **job.arguments,
    )
    root = pathlib.Path(job.root)
    return Pipeline(
        pipeline_name=job.pipeline,
        pipeline_root=str(root / "artifacts"),
        components=[*importers.values(), trainer],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(root / "metadata" / "metadata.sqlite")
        ),
    )


def train(job, log):
    """Runs the pipeline; exits with 1 where it fails. All that is said goes into a log."""
    with pathlib.Path(log).open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(job.environment)
    # Of tests that run in the background it is ignored, and processes inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if job.file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_limit, -1))
    from tfx_estimators.pipelines.runner import run

    try:
        run(pipeline(job))
    except BaseException:
        traceback.print_exc()
        sys.exit(1)


if __name__ == "__main__":
    # In an interpreter of its own, as under another clock; jobs that fork need no import.
    train(Job(**json.loads(sys.argv[1])), sys.argv[2])
