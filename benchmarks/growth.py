"""How the time and memory of each part grow with what it is given.

    python benchmarks/growth.py [--parts checkpoints versions ...] [--tenths]

Each part runs in a process of its own, at a tenth of its size and at the whole:

    checkpoints  2,000 kept checkpoints: all recorded after their records were lost, one more
                 recorded, and what nothing needs found by gc
    versions     400 pushed versions: listed, and gone back to the oldest
    runs         3,000 runs in a store: all of a pipeline listed, and all models
    columns      500 feature columns, each scaled by what was learned: transformed and trained
    vocabulary   1,000,000 distinct values in one learned vocabulary
    files        5,000 input files of one row
    slices       200 slices of an evaluation

A part's time is the processor time of the process and of those that it starts, after the
modules are imported; what else the machine does counts little. Its memory is the process's
peak. The growth of a part is the larger of the two at the whole over a tenth, divided by ten:
1.0 is linear. With --tenths a hundredth and a tenth are compared instead, for a quick look.

Then the commands `runs`, `checkpoints`, `models` and `versions` are typed for the largest
stores, each in a new process; the time of the slowest is that of a clock on the wall. The
last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

from tfx_estimators.json_text import dumps, finite

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

SIZES = {
    "checkpoints": 2_000,
    "versions": 400,
    "runs": 3_000,
    "columns": 500,
    "vocabulary": 1_000_000,
    "files": 5_000,
    "slices": 200,
}
STARTS = {"columns": 2, "vocabulary": 10, "files": 2, "slices": 2}
"""Sizes that a part is run at first: TensorFlow and Beam do much only once."""
ROWS = 200
COLUMNS_MODULE = """
from tfx_estimators import estimator as tf_estimator
from tfx_estimators.estimator import columns as learned


def feature_columns():
    return [{columns}]


def estimator_fn(columns, config, params):
    return tf_estimator.LinearClassifier(columns, config=config)
"""


def main() -> None:
    """Runs the parts and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--tenths", action="store_true")
    parser.add_argument("--part", choices=SIZES, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(dumps(finite(measure(options.part, options.size, options.folder))))
        return
    answer: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        print(f"{'part':14}{'size':>10}{'seconds':>10}{'memory MB':>11}")
        for part in options.parts:
            whole = SIZES[part] // (10 if options.tenths else 1)
            found = [
                run_part(part, size, folder / f"{part}-{size}") for size in (whole // 10, whole)
            ]
            ratios = [found[1][name] / found[0][name] for name in ("seconds", "peak_memory")]
            answer[f"{part}_growth"] = round(max(ratios) / 10, 2)
        commands = {
            "runs": folder / f"runs-{SIZES['runs']}",
            "checkpoints": folder / f"checkpoints-{SIZES['checkpoints']}",
            "models": folder / f"runs-{SIZES['runs']}",
            "versions": folder / f"versions-{SIZES['versions']}",
        }
        taken = [type_command(name, place) for name, place in commands.items() if place.exists()]
        if taken:
            answer["slowest_command_seconds"] = round(max(taken), 2)
    print(dumps(finite(answer)))


def run_part(part: str, size: int, folder: pathlib.Path) -> dict[str, float]:
    """Runs a part in a process of its own."""
    folder.mkdir()
    command = [sys.executable, __file__, "--part", part, "--size", str(size)]
    done = subprocess.run([*command, "--folder", str(folder)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    megabytes = found["peak_memory"] / 2**20
    print(f"{part:14}{size:>10}{found['seconds']:>10.2f}{megabytes:>11.0f}", flush=True)
    return found


def type_command(name: str, place: pathlib.Path) -> float:
    """Types a command for the store or the versions in a folder; its seconds."""
    arguments = [str(place / "serving")] if name == "versions" else ["--metadata", str(place)]
    before, began = processor_seconds(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tfx_estimators.cli", name, *arguments],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    print(f"{name:14}{seconds:20.2f} s, {processor_seconds() - before:.2f} s of the processor")
    return seconds


def measure(part: str, size: int, folder: pathlib.Path) -> dict[str, float]:
    """Runs a part in this process; what it took."""
    prepare: Callable[[int, pathlib.Path], Callable[[], object]] = globals()[f"prepare_{part}"]
    if part in STARTS:
        (folder / "start").mkdir()
        prepare(STARTS[part], folder / "start")()
    work = prepare(size, folder)
    before = processor_seconds()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": processor_seconds() - before, "peak_memory": peak}


def processor_seconds() -> float:
    """Of this process and of the children that have ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, who))


def prepare_checkpoints(size: int, folder: pathlib.Path) -> Callable[[], object]:
    """Copies of one checkpoint, of steps 1, 2, ..., with an evaluation each."""
    import tensorflow as tf

    from tfx_estimators.components.origin import Origin
    from tfx_estimators.components.trainer.checkpoints.recorder import Recorder
    from tfx_estimators.components.trainer.checkpoints.training import Training
    from tfx_estimators.lineage.maintenance.garbage import find_garbage
    from tfx_estimators.lineage.store import open_store

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.train.get_or_create_global_step()
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver()
        saver.save(session, str(folder / "one"), write_meta_graph=False, write_state=False)
    training = folder / "checkpoints" / ("f" * 32)
    (training / "evaluations").mkdir(parents=True)

    def add(step: int) -> str:
        for suffix in ("index", "data-00000-of-00001"):
            shutil.copyfile(folder / f"one.{suffix}", training / f"model.ckpt-{step}.{suffix}")
        (training / "evaluations" / f"{step}.json").write_text('{"auc": 0.5}')
        return str(training / f"model.ckpt-{step}")

    for step in range(1, size + 1):
        add(step)
    store = open_store(folder / "metadata.sqlite", write=True, create=True)
    origin = Origin(pipeline="p", run="r", node="EstimatorTrainer", execution="1")

    def work() -> None:
        recorder = Recorder(Training(folder=str(training), fingerprint="f" * 32, origin=origin))
        recorder.catch_up()
        recorder.record(add(size + 1))
        # All of them are copies, and the newest is kept.
        find_garbage(store, str(folder / "checkpoints"))

    return work


def prepare_versions(size: int, folder: pathlib.Path) -> Callable[[], object]:
    """Versions whose model is a line of text."""
    from tfx_estimators.components.model_digest import hash_model
    from tfx_estimators.components.pusher.manifest import Manifest, write_manifest
    from tfx_estimators.components.pusher.rollback import list_versions, roll_back
    from tfx_estimators.components.pusher.versions import Folder

    for number in range(1, size + 1):
        version = folder / "serving" / str(number)
        (version / "variables").mkdir(parents=True)
        for name in ("saved_model.pb", "variables/variables.index"):
            (version / name).write_text(str(number))
        manifest = Manifest(hash_model(str(version)), "model", "pipeline", "run", float(number))
        write_manifest(str(version), manifest)
    place = Folder(str(folder / "serving"))

    def work() -> None:
        list_versions(place)
        roll_back(place, 1)

    return work


def prepare_runs(size: int, folder: pathlib.Path) -> Callable[[], object]:
    """Runs of four steps, as `metadata.py` puts them."""
    from metadata import fill_store
    from tfx_estimators.lineage.models import list_models
    from tfx_estimators.lineage.runs import list_runs
    from tfx_estimators.lineage.store import open_store

    fill_store(folder / "metadata.sqlite", size)

    def work() -> None:
        store = open_store(folder / "metadata.sqlite")
        list_runs(store, pipeline="large", limit=None)
        list_models(store, limit=None)

    return work


def prepare_columns(size: int, folder: pathlib.Path) -> Callable[[], object]:
    """A linear model over columns that are scaled by their learned mean and deviation."""
    chance = random.Random(1)
    names = [f"x{number}" for number in range(size)]
    rows = [{**{name: chance.gauss(0, 1) for name in names}, "y": row % 2} for row in range(ROWS)]
    columns = ", ".join(
        f'learned.scaled_numeric_column("{name}", scaling="z_score")' for name in names
    )
    return prepare_pipeline(folder, [rows], columns, dict.fromkeys(names, "FLOAT"), trains=True)


def prepare_vocabulary(size: int, folder: pathlib.Path) -> Callable[[], object]:
    """Each value once, in four files."""
    rows = [[{"v": f"value {n}", "y": n % 2} for n in range(part, size, 4)] for part in range(4)]
    columns = 'learned.categorical_column_with_learned_vocabulary("v")'
    return prepare_pipeline(folder, rows, columns, {"v": "BYTES"}, trains=False)


def prepare_files(size: int, folder: pathlib.Path) -> Callable[[], object]:
    """One row a file."""
    rows = [[{"x": float(number), "y": number % 2}] for number in range(size)]
    columns = 'learned.scaled_numeric_column("x", scaling="z_score")'
    return prepare_pipeline(folder, rows, columns, {"x": "FLOAT"}, trains=False)


def prepare_pipeline(
    folder: pathlib.Path,
    files: list[list[dict[str, Any]]],
    columns: str,
    features: dict[str, str],
    *,
    trains: bool,
) -> Callable[[], object]:
    """A FeatureColumnTransform of these rows, and ten steps of training."""
    import tensorflow as tf
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration import metadata
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import trainer_pb2
    from tfx.types import standard_artifacts

    from tfx_estimators.components import EstimatorTrainer, FeatureColumnTransform
    from tfx_estimators.pipelines.runner import run

    split = folder / "examples" / "Split-train"
    split.mkdir(parents=True)
    for number, rows in enumerate(files):
        path = split / f"data_tfrecord-{number:05}-of-{len(files):05}.gz"
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            for row in rows:
                writer.write(serialized(row))
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.pbtxt").write_text(
        "".join(
            f'feature {{ name: "{name}" type: {kind} presence {{ min_fraction: 1 }} '
            "shape { dim { size: 1 } } }\n"
            for name, kind in {**features, "y": "INT"}.items()
        )
    )
    module = folder / "model.py"
    module.write_text(COLUMNS_MODULE.replace("{columns}", columns))
    examples = Importer(
        source_uri=str(folder / "examples"),
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": '["train"]'},
    ).with_id("examples")
    schema = Importer(
        source_uri=str(folder / "schema"), artifact_type=standard_artifacts.Schema
    ).with_id("schema")
    transform = FeatureColumnTransform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        module_file=str(module),
        label_key="y",
    )
    trainer = EstimatorTrainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        feature_columns=transform.outputs["feature_columns"],
        module_file=str(module),
        train_args=trainer_pb2.TrainArgs(splits=["train"], num_steps=10),
        eval_args=trainer_pb2.EvalArgs(splits=["train"], num_steps=1),
    )
    pipeline = Pipeline(
        pipeline_name="growth",
        pipeline_root=str(folder / "artifacts"),
        components=[examples, schema, transform, *([trainer] if trains else [])],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(folder / "metadata.sqlite")
        ),
    )
    return lambda: run(pipeline)


def serialized(row: dict[str, Any]) -> bytes:
    """A row as a tf.Example."""
    import tensorflow as tf

    example = tf.train.Example()
    for name, value in row.items():
        feature = example.features.feature[name]
        if isinstance(value, str):
            feature.bytes_list.value.append(value.encode())
        elif isinstance(value, float):
            feature.float_list.value.append(value)
        else:
            feature.int64_list.value.append(value)
    return bytes(example.SerializeToString())


def prepare_slices(size: int, folder: pathlib.Path) -> Callable[[], object]:
    """A hundred examples a slice, by a feature of so many values."""
    import tensorflow as tf
    from tfx.types import artifact_utils, standard_artifacts

    from evaluation import Classifier, evaluate

    chance = random.Random(3)
    split = folder / "examples" / "Split-eval"
    split.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split / "data-0")) as writer:
        for number in range(100 * size):
            x = chance.gauss(0, 1)
            row = {"x": x, "y": int(chance.gauss(0, 1) < x), "color": str(number % size)}
            writer.write(serialized(row))
    examples, model = standard_artifacts.Examples(), standard_artifacts.Model()
    examples.uri = str(folder / "examples")
    examples.split_names = artifact_utils.encode_split_names(["eval"])
    model.uri = str(folder / "model")
    module = Classifier()
    serving = f"{model.uri}/Format-Serving"
    tf.saved_model.save(module, serving, {"predict": module.predict})
    return lambda: evaluate(folder, model, examples)


if __name__ == "__main__":
    main()
