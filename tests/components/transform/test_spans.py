"""Spans, formats and what is made when asked for: caches, statistics, some splits only."""

from __future__ import annotations

import json
import pathlib
import tempfile
import textwrap
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tf_examples import make_example, write_records
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from tfx_estimators.components import FeatureColumnTransform
from tfx_estimators.components.artifacts import FeatureColumns
from tfx_estimators.components.transform.spec import STATISTICS_OUTPUTS
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import EmptySplitError

pytestmark = pytest.mark.stacks

MODULE = textwrap.dedent(
    '''
    """Columns that learn."""
    import tensorflow as tf
    from tfx_estimators.estimator import columns

    fc = tf.feature_column


    def feature_columns():
        return [
            columns.categorical_column_with_learned_vocabulary("kind", num_oov_buckets=1),
            columns.scaled_numeric_column("size", default_value=0.0),
            columns.scaled_numeric_column("size", "min_max", default_value=0.0),
            columns.quantile_bucketized_column("size", 4, default_value=0.0),
        ]
    '''
)

Row = dict[str, Any]
SPLITS = ("train", "eval")


def rows_of(span: int, split: str) -> list[Row]:
    start = 100 * span + (60 if split == "eval" else 0)
    return [
        {
            "kind": f"kind{i % (7 + span)}" if i % 5 else None,
            "size": float(i) if i % 7 else None,
            "label": i % 2,
        }
        for i in range(start, start + (60 if split == "train" else 40))
    ]


def schema() -> Any:
    made = schema_pb2.Schema()
    made.feature.add(name="kind", type=schema_pb2.BYTES)
    made.feature.add(name="size", type=schema_pb2.FLOAT)
    made.feature.add(name="label", type=schema_pb2.INT)
    return made


def write_span(folder: pathlib.Path, span: int, *, parquet: bool = False) -> Any:
    """An Examples artifact of a span, its files not compressed."""
    made = artifact(standard_artifacts.Examples, folder / f"span{span}{'p' if parquet else ''}")
    made.split_names = artifact_utils.encode_split_names(list(SPLITS))
    for split in SPLITS:
        rows = rows_of(span, split)
        path = pathlib.Path(made.uri, f"Split-{split}", "data.parquet" if parquet else "data")
        path.parent.mkdir(parents=True)
        if parquet:
            pq.write_table(pa.Table.from_pylist(rows), path)
        else:
            write_records(path, [make_example(**row) for row in rows])
    if parquet:
        # What ImportExampleGen says.
        made.set_string_custom_property("payload_format", "FORMAT_PARQUET")
        made.set_string_custom_property("file_format", "tfrecords_gzip")
    return made


def artifact(kind: Any, uri: pathlib.Path) -> Any:
    made = kind()
    made.uri = str(uri)
    return made


class Workshop:
    """Runs the transform over spans."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        (folder / "module").mkdir()
        self.module = folder / "module" / "columns_that_learn.py"
        self.module.write_text(MODULE)
        self.schema = artifact(standard_artifacts.Schema, folder / "schema")
        io_utils.write_pbtxt_file(f"{self.schema.uri}/schema.pbtxt", schema())
        self.spans = [write_span(folder, 0), write_span(folder, 1)]

    def run(
        self,
        name: str,
        spans: list[Any],
        cache: pathlib.Path | None = None,
        outputs: dict[str, Any] | None = None,
        transform_splits: list[str] | None = None,
    ) -> pathlib.Path:
        from tfx_estimators.components.transform.executor import Executor

        # Of its own, as a test may run twice.
        root = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        kinds = {
            "transform_graph": standard_artifacts.TransformGraph,
            "transformed_examples": standard_artifacts.Examples,
            "feature_columns": FeatureColumns,
            **(outputs or {}),
        }
        inputs = {"examples": spans, "schema": [self.schema]}
        if cache is not None:
            inputs["analyzer_cache"] = [artifact(standard_artifacts.TransformCache, cache)]
        made = {key: [artifact(kind, root / key)] for key, kind in kinds.items()}
        for (output,) in made.values():
            pathlib.Path(output.uri).mkdir(parents=True)
        Executor().Do(
            inputs,
            made,
            {
                **UserModule.find(str(self.module), None).exec_properties(),
                "label_key": "label",
                "custom_config": "{}",
                "analyze_splits": '["train"]',
                "transform_splits": json.dumps(transform_splits) if transform_splits else None,
            },
        )
        return root


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("spans"))


@pytest.fixture(scope="module")
def both_spans(workshop: Workshop) -> pathlib.Path:
    """Both spans, statistics and all."""
    return workshop.run("both", workshop.spans, outputs=STATISTICS_OUTPUTS)


def facts(root: pathlib.Path) -> dict[str, Any]:
    content = json.loads((root / "feature_columns" / "columns.json").read_text())
    return dict(content["facts"])


def transformed(root: pathlib.Path, split: str) -> list[bytes]:
    files = sorted(map(str, (root / "transformed_examples" / f"Split-{split}").glob("*.gz")))
    # Files are read in any order.
    return sorted(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())


def test_a_new_span_is_the_only_one_analysed(workshop: Workshop, both_spans: pathlib.Path) -> None:
    cached = {"updated_analyzer_cache": standard_artifacts.TransformCache}
    first = workshop.run("first", workshop.spans[:1], outputs=cached)
    # The end of the first span is broken: reading it would fail.
    path = pathlib.Path(workshop.spans[0].uri, "Split-train", "data")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 0xFF]))
    try:
        second = workshop.run(
            "second",
            workshop.spans,
            cache=first / "updated_analyzer_cache",
            outputs=cached,
            transform_splits=["eval"],
        )
    finally:
        path.write_bytes(whole)
    # TF Transform's analyses, which the cache holds, and ours learn the same.
    assert facts(second) == facts(both_spans)
    assert facts(second) != facts(first)
    assert transformed(second, "eval") == transformed(both_spans, "eval")
    assert not (second / "transformed_examples" / "Split-train").exists()
    # The cache goes on with both.
    assert len(list((second / "updated_analyzer_cache").glob("dataset-*"))) == 2


def test_parquet_gives_the_same_bytes(
    workshop: Workshop, both_spans: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    spans = [write_span(tmp_path, span, parquet=True) for span in (0, 1)]
    root = workshop.run("parquet", spans)
    assert facts(root) == facts(both_spans)
    for split in SPLITS:
        made = transformed(root, split)
        assert len(made) == 2 * len(rows_of(0, split))
        assert made == transformed(both_spans, split)


def test_statistics_before_and_after(both_spans: pathlib.Path) -> None:
    def statistics(kind: str) -> Any:
        content = (both_spans / f"{kind}_transform_stats" / "FeatureStats.pb").read_bytes()
        (dataset,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(content).datasets
        return dataset

    before, after = statistics("pre"), statistics("post")
    assert before.num_examples == 120
    assert after.num_examples == 200
    features = {feature.path.step[0]: feature for feature in before.features}
    assert set(features) == {"kind", "size", "label"}
    missing = sum(row["kind"] is None for span in (0, 1) for row in rows_of(span, "train"))
    assert features["kind"].string_stats.common_stats.num_missing == missing
    made = {"kind", "size", "size_2", "size_bucketized", "label"}
    assert {feature.path.step[0] for feature in after.features} == made
    for kind, count in (("pre", 3), ("post", len(made))):
        written = schema_pb2.Schema()
        path = both_spans / f"{kind}_transform_schema" / "schema.pbtxt"
        io_utils.parse_pbtxt_file(str(path), written)
        assert len(written.feature) == count
    content = (both_spans / "post_transform_anomalies" / "SchemaDiff.pb").read_bytes()
    assert not anomalies_pb2.Anomalies.FromString(content).anomaly_info


def channels() -> dict[str, Any]:
    from tfx.types.channel import Channel

    return {
        "examples": Channel(type=standard_artifacts.Examples),
        "schema": Channel(type=standard_artifacts.Schema),
        "module_path": "tfx_estimators.pipelines.taxi.model",
    }


def test_outputs_are_there_when_asked_for() -> None:
    from tfx.types.channel import Channel

    plain = {"transform_graph", "transformed_examples", "feature_columns"}
    assert set(FeatureColumnTransform(**channels()).outputs) == plain
    cached = FeatureColumnTransform(**channels(), cache_analysis=True)
    assert set(cached.outputs) == {*plain, "updated_analyzer_cache"}
    again = FeatureColumnTransform(
        **channels(), analyzer_cache=Channel(type=standard_artifacts.TransformCache)
    )
    assert "updated_analyzer_cache" in again.outputs
    described = FeatureColumnTransform(**channels(), statistics=True)
    assert set(described.outputs) == {*plain, *STATISTICS_OUTPUTS}
    with pytest.raises(EmptySplitError, match="transform_splits"):
        FeatureColumnTransform(**channels(), transform_splits=[])
