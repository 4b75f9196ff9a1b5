"""JSON that this package writes is JSON: no bare NaN or Infinity."""

from __future__ import annotations

import ast
import dataclasses
import json
import math
import pathlib
from typing import Any

import pytest
from click.testing import CliRunner

from tfx_estimators.commands import printing
from tfx_estimators.components.trainer.checkpoints.evaluations import (
    note_evaluation,
    read_evaluations,
)
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.json_text import dumps, finite
from tfx_estimators.lineage.compare import Difference
from tfx_estimators.lineage.records import ArtifactRecord, CheckpointRecord, from_json, to_json

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = (
    "estimator",
    "lineage",
    "components",
    "pipelines",
    "report",
    "kubeflow",
    "benchmarks",
    "scripts",
)


def strict(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


# Programs that run where this package may not be.
ALONE = {
    "components/pusher/canary.py",
    "kubeflow/local/imitated_backend.py",
    "kubeflow/local/orchestrator.py",
}


def writes(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in ("dump", "dumps", "JSONEncoder")
        and isinstance(node.value, ast.Name)
        and node.value.id == "json"
    )


def test_one_module_writes_json() -> None:
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    files += [*(ROOT / "src/tfx_estimators").glob("*.py")]
    files += [*(ROOT / "src/tfx_estimators/commands").glob("*.py")]
    trees = {str(file.relative_to(ROOT)): ast.parse(file.read_text()) for file in files}
    writers = {name for name, tree in trees.items() if any(map(writes, ast.walk(tree)))}
    assert writers == {"src/tfx_estimators/json_text.py", *ALONE}
    for name in ALONE:
        for node in ast.walk(trees[name]):
            if isinstance(node, ast.Call) and writes(node.func):
                assert "allow_nan=False" in ast.unparse(node), name


def test_measurements_without_a_number_are_null_and_settings_are_refused() -> None:
    measured = {"auc": math.nan, "loss": [math.inf, 1.5], "steps": (1, -math.inf)}
    assert strict(dumps(finite(measured))) == {"auc": None, "loss": [None, 1.5], "steps": [1, None]}
    with pytest.raises(UnsupportedOptionError, match="finite numbers"):
        dumps({"learning_rate": math.nan})


def test_what_a_command_prints_as_json_has_nulls() -> None:
    import click

    @click.command()
    def show() -> None:
        printing.show_json([Difference("metric", "auc", math.nan, 0.5)])

    printed = strict(CliRunner().invoke(show).output)
    assert printed == [
        {"about": "metric", "name": "auc", "left": None, "right": 0.5, "delta": None}
    ]


def test_a_record_leaves_out_metrics_without_a_number() -> None:
    record = CheckpointRecord(
        pipeline="p", run="r", node="n", execution=None, wall_time=1.0, uri="u", step=3,
        global_examples=9, checkpoint_format="saver", size_bytes=1, digest="d", fingerprint="f",
        metrics={"auc": math.nan, "loss": math.inf, "accuracy": 0.5},
    )  # fmt: skip
    strict(to_json(record))
    assert from_json(to_json(record)).metrics == {"accuracy": 0.5}
    artifact = ArtifactRecord(key="k", type="t", uri="u", properties={"auc": math.nan, "name": "x"})
    assert strict(dumps(dataclasses.asdict(artifact)))["properties"] == {"name": "x"}


def test_older_notes_of_evaluations_are_read(tmp_path: pathlib.Path) -> None:
    note_evaluation(str(tmp_path), {"global_step": 3, "auc": math.nan, "loss": 0.5})
    (file,) = tmp_path.rglob("*.json")
    assert strict(file.read_text()) == {"loss": 0.5}
    file.write_text('{"auc": NaN, "loss": Infinity, "accuracy": 1.0}')
    assert read_evaluations(str(tmp_path)) == {3: {"accuracy": 1.0}}


@pytest.mark.stacks
def test_columns_and_best_results_come_back_as_they_were(tmp_path: pathlib.Path) -> None:
    import numpy as np
    import tensorflow as tf

    from tfx_estimators.estimator import best_export
    from tfx_estimators.estimator.columns import (
        compile_columns,
        load_model_columns,
        write_columns,
    )

    best_export._remember(str(tmp_path / "best"), {"auc": np.float32("nan"), "loss": 0.5}, None)
    note = strict((tmp_path / "best.best.json").read_text())["result"]
    back = best_export._from_json(note)
    assert math.isnan(back["auc"])
    assert back["loss"] == 0.5

    column = tf.feature_column.numeric_column("x", default_value=math.nan)
    path = tmp_path / "columns.json"
    write_columns(path, compile_columns([column]), {}, None)
    strict(path.read_text())
    assert load_model_columns([column], path)
