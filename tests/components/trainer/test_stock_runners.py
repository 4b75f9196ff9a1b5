"""ML Metadata hears of checkpoints whoever runs the pipeline: TFX's own runners, its command."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
import tensorflow as tf

from tfx_estimators.lineage.checkpoints import list_checkpoints
from tfx_estimators.lineage.store import open_store

MODULE = """
import shutil
import tensorflow as tf
def run_fn(fn_args):
    x = tf.feature_column.numeric_column("x")
    config = tf.estimator.RunConfig(model_dir=fn_args.model_run_dir, save_checkpoints_steps=2)
    estimator = tf.estimator.LinearRegressor([x], config=config)
    estimator.train(
        lambda: tf.data.Dataset.from_tensors(({"x": [[1.0]]}, [[2.0]])).repeat(), steps=4)
    if fn_args.custom_config["fails"]:
        raise RuntimeError("after two checkpoints")
    spec = {"x": tf.io.FixedLenFeature([1], tf.float32)}
    receiver = tf.estimator.export.build_parsing_serving_input_receiver_fn(spec)
    shutil.copytree(estimator.export_saved_model(fn_args.model_run_dir + "/out", receiver).decode(),
                    fn_args.serving_model_dir)
"""
PIPELINE = """
import os
import pathlib
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts
from tfx_estimators.components import EstimatorTrainer

HERE = pathlib.Path({folder!r})

def pipeline(fails=False):
    examples = Importer(
        source_uri=str(HERE / "examples"), artifact_type=standard_artifacts.Examples,
        properties={{"split_names": '["train", "eval"]'}}).with_id("Examples")
    trainer = EstimatorTrainer(
        module_file=str(HERE / "module.py"), examples=examples.outputs["result"],
        custom_config={{"fails": fails}})
    return Pipeline(
        pipeline_name="stock", pipeline_root=str(HERE / "root"), components=[examples, trainer],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(HERE / "metadata.sqlite")))

if __name__ == "__main__":
    LocalDagRunner().run(pipeline())
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    for split in ("train", "eval"):
        (tmp_path / f"examples/Split-{split}").mkdir(parents=True)
        path = str(tmp_path / f"examples/Split-{split}/data.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            writer.write(tf.train.Example().SerializeToString())
    (tmp_path / "module.py").write_text(MODULE)
    (tmp_path / "stock_pipeline.py").write_text(PIPELINE.format(folder=str(tmp_path)))
    return tmp_path


def known(folder: pathlib.Path) -> list[tuple[int, str]]:
    """Steps of the checkpoints that ML Metadata knows, and the states of their executions."""
    store = open_store(folder / "metadata.sqlite")
    found = list_checkpoints(store)
    executions = {e.id: e for e in store.get_executions()}
    return [
        (one.step, executions[one.execution].State.Name(executions[one.execution].last_known_state))
        for one in found
        if one.execution is not None
    ]


@pytest.mark.parametrize("kind", ["local", "beam"])
def test_a_run_by_tfx_tells_of_its_checkpoints(kind: str, folder: pathlib.Path) -> None:
    from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    runner: Any = LocalDagRunner() if kind == "local" else BeamDagRunner()
    names: dict[str, Any] = {"__name__": "stock_pipeline"}
    exec((folder / "stock_pipeline.py").read_text(), names)
    fails = kind == "beam"
    if fails:
        with pytest.raises(RuntimeError, match="after two checkpoints"):
            runner.run(names["pipeline"](fails=True))
    else:
        runner.run(names["pipeline"]())
    state = "FAILED" if fails else "COMPLETE"
    assert known(folder) == [(4, state), (2, state), (0, state)][: len(known(folder))]
    assert len(known(folder)) >= 2


@pytest.mark.slow
def test_a_run_by_tfxs_command_tells_of_its_checkpoints(folder: pathlib.Path) -> None:
    programs = pathlib.Path(sys.executable).parent
    tfx = [str(programs / "tfx")]
    home = ["--engine", "local"]
    path = ["--pipeline_path", str(folder / "stock_pipeline.py")]
    # TFX's command calls `pip`: the stack's, as where its environment is active.
    path_of_programs = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "LOCAL_HOME": str(folder / "home"), "PATH": path_of_programs}
    for command in (["pipeline", "create", *path], ["run", "create", "--pipeline_name", "stock"]):
        done = subprocess.run([*tfx, *command, *home], env=environment, capture_output=True,
                              text=True, cwd=folder, timeout=600)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(known(folder)) >= 2
