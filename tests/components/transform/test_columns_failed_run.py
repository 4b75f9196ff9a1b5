"""A run that fails leaves no output artifact, neither on disk nor in ML Metadata."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from tfx_estimators.components import FeatureColumnTransform

MODULE = """
import tensorflow as tf

def feature_columns():
    return [tf.feature_column.numeric_column("x")]
"""


def test_failed_run_leaves_nothing(
    tmp_path: pathlib.Path, make_examples: Callable[..., Any], example: Callable[..., bytes]
) -> None:
    from ml_metadata.proto import metadata_store_pb2
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline

    # Many good examples, and one, read last, that lacks a value: something was written
    # by the time it fails.
    rows = [example(x=float(n)) for n in range(200)] + [example(y=1)]
    made = make_examples(tmp_path / "examples", {"train": rows[:100], "eval": rows[100:]})
    (tmp_path / "schema").mkdir()
    proto = text_format.Parse(
        'feature { name: "x" type: FLOAT presence { min_count: 1 } }', schema_pb2.Schema()
    )
    (tmp_path / "schema" / "schema.pbtxt").write_text(text_format.MessageToString(proto))
    (tmp_path / "failing_columns.py").write_text(MODULE)
    examples = Importer(
        source_uri=made.uri,
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": made.split_names},
    ).with_id("Examples")
    schema = Importer(
        source_uri=str(tmp_path / "schema"), artifact_type=standard_artifacts.Schema
    ).with_id("Schema")
    transform = FeatureColumnTransform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        module_file=str(tmp_path / "failing_columns.py"),
    )
    connection = metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))
    pipeline = Pipeline(
        pipeline_name="failing",
        pipeline_root=str(tmp_path / "artifacts"),
        components=[examples, schema, transform],
        metadata_connection_config=connection,
    )
    with pytest.raises(Exception, match="numeric column x reads feature x"):
        LocalDagRunner().run(pipeline)

    # `.system` is TFX's own, with what the executor was told.
    folder = tmp_path / "artifacts" / "FeatureColumnTransform"
    files = [path for path in folder.rglob("*") if path.is_file() and ".system" not in path.parts]
    assert files == []
    live = metadata_store_pb2.Artifact.LIVE
    with metadata.Metadata(connection) as handle:
        for kind in ("TransformGraph", "tfx_estimators.FeatureColumns"):
            assert all(a.state != live for a in handle.store.get_artifacts_by_type(kind))
        examples_of = handle.store.get_artifacts_by_type("Examples")
        assert [a.uri for a in examples_of if a.state == live] == [made.uri]
