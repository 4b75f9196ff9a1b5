"""`FeatureColumnTransform` gives the same by threads, by processes and on clusters."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from engines import Engine
from tensorflow_metadata.proto.v0 import schema_pb2
from tf_examples import make_example, write_records
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from tfx_estimators.components.artifacts import FeatureColumns
from tfx_estimators.components.user_module import UserModule

pytestmark = pytest.mark.slow

MODULE = '''
"""Columns that learn, that hash and that are crossed."""
import tensorflow as tf
from tfx_estimators.estimator import columns

fc = tf.feature_column


def feature_columns():
    kind = columns.categorical_column_with_learned_vocabulary("kind", num_oov_buckets=1)
    place = columns.quantile_bucketized_column("place", 4, default_value=0.0)
    return [
        kind,
        place,
        columns.scaled_numeric_column("size", default_value=0.0),
        fc.categorical_column_with_hash_bucket("code", 20, tf.int64),
        fc.crossed_column([place, "kind"], 50),
    ]
'''
FILES = 3
ROWS = 400


def example(number: int) -> bytes:
    return make_example(
        kind=b"kind%d" % (number % 9) if number % 5 else None,
        place=float(number % 50),
        size=float(number),
        code=number * 7,
        label=number % 2,
    )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Raw examples in several files, so that there is something to share out."""
    root = tmp_path_factory.mktemp("raw")
    examples = standard_artifacts.Examples()
    examples.uri = str(root / "examples")
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for split in ("train", "eval"):
        for file in range(FILES):
            numbers = range(file * ROWS, (file + 1) * ROWS)
            path = root / "examples" / f"Split-{split}" / f"data-{file}.gz"
            write_records(path, map(example, numbers))
    schema = schema_pb2.Schema()
    for name, kind in (
        ("kind", schema_pb2.BYTES),
        ("place", schema_pb2.FLOAT),
        ("size", schema_pb2.FLOAT),
        ("code", schema_pb2.INT),
        ("label", schema_pb2.INT),
    ):
        schema.feature.add(name=name, type=kind)
    made = standard_artifacts.Schema()
    made.uri = str(root / "schema")
    io_utils.write_pbtxt_file(f"{made.uri}/schema.pbtxt", schema)
    return {"examples": [examples], "schema": [made]}


def transform(inputs: dict[str, list[Any]], root: pathlib.Path, flags: list[str]) -> pathlib.Path:
    """Runs the component's executor as TFX does with `beam_pipeline_args`."""
    from tfx_estimators.components.transform.executor import Executor

    module = root / "module" / "engine_columns.py"
    module.parent.mkdir(parents=True)
    module.write_text(MODULE)
    outputs = {}
    for key, kind in (
        ("transform_graph", standard_artifacts.TransformGraph),
        ("transformed_examples", standard_artifacts.Examples),
        ("feature_columns", FeatureColumns),
    ):
        made = kind()
        made.uri = str(root / key)
        outputs[key] = [made]
    context = BaseBeamExecutor.Context(beam_pipeline_args=flags, tmp_dir=str(root / "tmp"))
    Executor(context).Do(
        inputs,
        outputs,
        {
            **UserModule.find(str(module), None).exec_properties(),
            "label_key": "label",
            "custom_config": "{}",
            "analyze_splits": '["train"]',
        },
    )
    return root


def result(root: pathlib.Path) -> dict[str, Any]:
    """What was learned, and each split's features, the examples in the order of size."""
    columns = json.loads((root / "feature_columns" / "columns.json").read_text())
    made: dict[str, Any] = {"facts": columns["facts"]}
    spec = tft.TFTransformOutput(str(root / "transform_graph")).transformed_feature_spec()
    for split in ("train", "eval"):
        files = (root / "transformed_examples" / f"Split-{split}").glob("*.gz")
        dataset = tf.data.TFRecordDataset(sorted(map(str, files)), "GZIP")
        parsed = tf.io.parse_example(list(dataset.as_numpy_iterator()), spec)
        dense = {key: _dense(value).numpy() for key, value in parsed.items()}
        order = np.argsort(dense["size"][:, 0])
        made[split] = {key: value[order] for key, value in dense.items()}
    return made


def _dense(value: Any) -> Any:
    if not isinstance(value, tf.SparseTensor):
        return value
    return tf.sparse.to_dense(value, "" if value.dtype == tf.string else -1)


@pytest.fixture(scope="module")
def expected(inputs: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """By the direct runner, in this process."""
    made = result(transform(inputs, tmp_path_factory.mktemp("direct"), []))
    assert [len(made[split]["label"]) for split in ("train", "eval")] == [FILES * ROWS] * 2
    return made


def check(made: dict[str, Any], expected: dict[str, Any]) -> None:
    # Sums are added up in another order: floats may differ in the last bits.
    assert made["facts"].keys() == expected["facts"].keys()
    for name, facts in expected["facts"].items():
        assert made["facts"][name].keys() == facts.keys()
        for key, value in facts.items():
            assert made["facts"][name][key] == pytest.approx(value, rel=1e-6)
    for split in ("train", "eval"):
        assert made[split].keys() == expected[split].keys()
        for key, value in expected[split].items():
            if key == "size":
                np.testing.assert_allclose(made[split][key], value, atol=1e-5)
            else:
                np.testing.assert_array_equal(made[split][key], value)


@pytest.mark.parametrize("mode", ["multi_threading", "multi_processing"])
def test_direct_runner_with_several_workers(
    inputs: dict[str, list[Any]], expected: Any, tmp_path: pathlib.Path, mode: str
) -> None:
    flags = [
        "--runner=DirectRunner",
        f"--direct_running_mode={mode}",
        "--direct_num_workers=2",
    ]
    check(result(transform(inputs, tmp_path, flags)), expected)


FINISHED = {
    "flink": r"FlinkPipelineRunner - Execution finished",
    "spark": r"SparkPipelineRunner.*Job .* finished",
}


@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_cluster(
    inputs: dict[str, list[Any]],
    expected: Any,
    tmp_path: pathlib.Path,
    engine: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Engine(engine, tmp_path) as running:
        made = result(transform(inputs, tmp_path / "made", running.flags))
        log = running.log("job_server")
    check(made, expected)
    assert re.search(FINISHED[engine], log)
    assert f"FeatureColumnTransform: {FILES * ROWS * 3} examples" in capsys.readouterr().err
    # Worker processes, each with an environment of its own.
    assert log.count("Beam Fn Control client connected") >= 2
