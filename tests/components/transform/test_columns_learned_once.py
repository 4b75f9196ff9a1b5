"""What several columns learn from one feature is learned once."""

from __future__ import annotations

import collections
import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from tfx_estimators.components import FeatureColumnTransform
from tfx_estimators.components.transform.preprocessing import Preprocessing
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.estimator import columns

pytestmark = pytest.mark.stacks

MODULE = """
import tensorflow as tf
from tfx_estimators.estimator import columns

fc = tf.feature_column


def feature_columns():
    dropped = columns.categorical_column_with_learned_vocabulary("color")
    hashed = columns.categorical_column_with_learned_vocabulary("color", num_oov_buckets=2)
    first = columns.categorical_column_with_learned_vocabulary("color", top_k=2)
    return {
        "linear": [dropped, hashed, first, fc.crossed_column([hashed, "y"], 30)],
        "dnn": [
            columns.scaled_numeric_column("x", default_value=0.0),
            columns.scaled_numeric_column("x", default_value=1.0),
            columns.scaled_numeric_column("x", "min_max", default_value=0.0),
            columns.quantile_bucketized_column("x", 4, default_value=0.0),
            columns.quantile_bucketized_column("x", 4, default_value=1.0),
            fc.embedding_column(hashed, 2),
        ],
    }
"""

SCHEMA = """
feature { name: "x" type: FLOAT presence { min_count: 1 } }
feature { name: "y" type: INT presence { min_count: 1 } }
feature { name: "color" type: BYTES presence { min_count: 1 } }
"""


@pytest.fixture
def outputs(
    tmp_path: pathlib.Path,
    channel: Callable[[Any], Any],
    execute: Callable[..., Any],
    examples: Any,
) -> Any:
    (tmp_path / "sharing_columns.py").write_text(MODULE)
    schema = standard_artifacts.Schema()
    schema.uri = str(tmp_path / "schema")
    (tmp_path / "schema").mkdir()
    proto = text_format.Parse(SCHEMA, schema_pb2.Schema())
    (tmp_path / "schema" / "schema.pbtxt").write_text(text_format.MessageToString(proto))
    component = FeatureColumnTransform(
        examples=channel(standard_artifacts.Examples),
        schema=channel(standard_artifacts.Schema),
        module_file=str(tmp_path / "sharing_columns.py"),
    )
    return execute(component, {"examples": examples, "schema": schema})


def test_learned_once(outputs: Any, tmp_path: pathlib.Path) -> None:
    graph = outputs["transform_graph"].uri
    assets = {path.name for path in pathlib.Path(graph, "transform_fn", "assets").iterdir()}
    # The vocabulary of two entries is another one.
    assert {name for name in assets if name.startswith("vocabulary")} == {
        "vocabulary_color",
        "vocabulary_color_2",
    }
    path = pathlib.Path(outputs["feature_columns"].uri) / "columns.json"
    facts = json.loads(path.read_text())["facts"]
    assert facts["color"] == {"vocabulary_size": 3}
    assert facts["color_2"] == {"vocabulary_size": 2}
    assert facts["x"] == facts["x_2"]
    assert facts["x_bucketized"] == facts["x_bucketized_2"]
    assert facts["x_3"]["minimum"] < facts["x"]["mean"] < facts["x_3"]["maximum"]

    namespace: dict[str, Any] = {}
    exec(MODULE, namespace)
    model = columns.load_model_columns(namespace["feature_columns"], path)
    dropped, hashed, first, _ = model["linear"]
    assert [c.num_buckets for c in (dropped, hashed, first)] == [3, 5, 2]
    assert [c.name for c in (dropped, hashed, first)] == ["color"] * 3
    # All three read features of their own, which agree on the entries they share.
    spec = {c.key: tf.io.VarLenFeature(tf.int64) for c in (dropped, hashed, first)}
    files = tf.io.gfile.glob(f"{outputs['transformed_examples'].uri}/Split-eval/*")
    records = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    ids = tf.io.parse_example(records, spec)
    dense = {c: tf.sparse.to_dense(ids[c.key], -1).numpy() for c in (dropped, hashed, first)}
    assert set(dense[dropped].ravel()) == {0, 1, 2}
    assert (dense[dropped] == dense[hashed]).all()
    assert set(dense[first][dense[dropped] == 2].ravel()) == {-1}


def test_analyses_are_not_repeated(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: collections.Counter[str] = collections.Counter()

    def counting(name: str) -> None:
        analysis = getattr(tft, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            asked[name] += 1
            return analysis(*args, **kwargs)

        monkeypatch.setattr(tft, name, counted)

    wanted = {"vocabulary": 2, "size": 1, "mean": 1, "var": 1, "max": 2, "quantiles": 1}
    for name in wanted:
        counting(name)
    (tmp_path / "counted_columns.py").write_text(MODULE)
    preprocessing = Preprocessing(
        module=UserModule.find(str(tmp_path / "counted_columns.py"), None),
        label_key=None,
        custom_config="{}",
        folder=str(tmp_path),
    )
    specs = {
        "x": tf.SparseTensorSpec([None, None], tf.float32),
        "y": tf.SparseTensorSpec([None, None], tf.int64),
        "color": tf.SparseTensorSpec([None, None], tf.string),
    }
    assert set(tft.get_analyze_input_columns(preprocessing, specs)) == {"x", "color"}
    assert asked == wanted
