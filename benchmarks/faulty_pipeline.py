"""The pipeline of `faults.py`, run in a process that may be killed."""

from __future__ import annotations

import dataclasses
import gzip
import os
import pathlib
import random
import resource
import struct
import sys
import traceback
from typing import Any

PRELOADED = [
    "tensorflow",
    "tensorflow_transform",
    "tfx.components",
    "tfx.orchestration.local.local_dag_runner",
    "tfx_estimators.components.evaluator.executor",
    "tfx_estimators.components.pusher.executor",
    "tfx_estimators.components.trainer.contracts.columns",
    "tfx_estimators.components.transform.executor",
    "tfx_estimators.pipelines.runner",
]
"""What each process would have to import, its parent has imported before it forks."""

SCHEMA = """
feature { name: "x" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "y" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "color" type: BYTES presence { min_count: 1 } }
"""
EVALUATION = """
metrics_specs { thresholds { key: 'auc' value {
  value_threshold { lower_bound { value: 0.01 } }
} } }
"""


@dataclasses.dataclass(frozen=True)
class Job:
    """What one process is to run.

    Attributes:
        root: the pipeline's folder: artifacts, metadata, checkpoints.
        data: folder with examples and schema, from `write_data`.
        notes: where the training notes its steps.
        log: where all that is said goes.
        checkpoints: the checkpoint store.
        serving: the folder that is pushed to.
        steps: how many are trained.
        hidden_units: of the model.
        parallel: how many steps may run at the same time.
        file_limit: how large a file may become, in bytes: a full disk.
    """

    root: str
    data: str
    notes: str
    log: str
    checkpoints: str
    serving: str
    steps: int
    hidden_units: tuple[int, ...]
    parallel: int
    file_limit: int | None = None


def write_data(folder: pathlib.Path) -> None:
    """600 examples to train on, 200 to evaluate on, and their schema."""
    import tensorflow as tf

    chance = random.Random(7)
    (folder / "schema").mkdir(parents=True)
    (folder / "schema" / "schema.pbtxt").write_text(SCHEMA)

    def feature(**values: Any) -> Any:
        return tf.train.Feature(**values)

    for split, count in (("train", 600), ("eval", 200)):
        target = folder / "examples" / f"Split-{split}"
        target.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(target / "data-0.gz"), "GZIP") as writer:
            for _ in range(count):
                x = chance.gauss(10, 5)
                color = chance.choice(["red", "green", "blue"]).encode()
                features = {
                    "x": feature(float_list=tf.train.FloatList(value=[x])),
                    "y": feature(
                        int64_list=tf.train.Int64List(value=[int(chance.gauss(10, 3) < x)])
                    ),
                    "color": feature(bytes_list=tf.train.BytesList(value=[color])),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())


def read_examples(folder: pathlib.Path) -> list[bytes]:
    """The records of every split below a folder, sorted.

    Raises:
        OSError, EOFError, struct.error: if a file is torn.
    """
    records = []
    for path in sorted(folder.rglob("*.gz")):
        content, at = gzip.decompress(path.read_bytes()), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            if at + length + 16 > len(content):
                raise EOFError(f"{path} ends within a record")
            records.append(content[at + 12 : at + 12 + length])
            at += length + 16
    return sorted(records)


def make_pipeline(job: Job) -> Any:
    """Transform, training, evaluation and push of imported examples."""
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration import metadata
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import trainer_pb2
    from tfx.types import standard_artifacts

    from tfx_estimators.components import (
        EstimatorEvaluator,
        EstimatorPusher,
        EstimatorTrainer,
        FeatureColumnTransform,
    )

    examples = Importer(
        source_uri=f"{job.data}/examples",
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": '["train", "eval"]'},
    ).with_id("examples")
    schema = Importer(
        source_uri=f"{job.data}/schema", artifact_type=standard_artifacts.Schema
    ).with_id("schema")
    module_file = str(pathlib.Path(__file__).with_name("faulty_model.py"))
    transform = FeatureColumnTransform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        module_file=module_file,
        label_key="y",
    )
    trainer = EstimatorTrainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        feature_columns=transform.outputs["feature_columns"],
        module_file=module_file,
        train_args=trainer_pb2.TrainArgs(num_steps=job.steps),
        custom_config={
            "seed": 5,
            "batch_size": 16,
            "hidden_units": list(job.hidden_units),
            "run_config": {"save_checkpoints_steps": 10, "keep_checkpoint_max": 0},
        },
        checkpoint_store=job.checkpoints,
    )
    evaluator = EstimatorEvaluator(
        examples=examples.outputs["result"],
        model=trainer.outputs["model"],
        transform_graph=transform.outputs["transform_graph"],
        label_key="y",
        eval_config=EVALUATION,
    )
    pusher = EstimatorPusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        examples=examples.outputs["result"],
        push_destination=job.serving,
    )
    return Pipeline(
        pipeline_name="faulty",
        pipeline_root=f"{job.root}/artifacts",
        components=[examples, schema, transform, trainer, evaluator, pusher],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            f"{job.root}/metadata/metadata.sqlite"
        ),
    )


def run_job(job: Job) -> None:
    """Runs the pipeline; exits with 1 where it fails."""
    os.setsid()  # So that what it has started can be ended after it.
    with pathlib.Path(job.log).open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ["FAULTS_NOTES"] = job.notes
    if job.file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_limit, -1))
    from tfx_estimators.pipelines.runner import run

    try:
        run(make_pipeline(job), parallel=job.parallel)
    except BaseException:
        traceback.print_exc()
        sys.exit(1)
