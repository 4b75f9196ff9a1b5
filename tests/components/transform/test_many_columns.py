"""What columns add to the analysis and to the graph: as little as they can."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2

from tfx_estimators.components.examples import find_splits
from tfx_estimators.components.transform import stages
from tfx_estimators.components.transform.analysis import Analysis
from tfx_estimators.components.transform.preprocessing import Preprocessing
from tfx_estimators.components.transform.summaries import Numbers, Quantiles, Vocabulary
from tfx_estimators.components.user_module import UserModule

COLUMNS = """
import tensorflow as tf
from tfx_estimators.estimator import columns

fc = tf.feature_column


def feature_columns():
    return [
        columns.scaled_numeric_column("x0", default_value=0.0),
        columns.scaled_numeric_column("x1", "min_max"),
        columns.quantile_bucketized_column("x2", 4),
        fc.numeric_column("x3", (2,), default_value=0.0),
        fc.categorical_column_with_identity("y", 7),
    ]
"""


@pytest.mark.stacks
def test_columns_add_no_functions_to_the_graph(tmp_path: pathlib.Path) -> None:
    """A function is traced, written and loaded apart, wherever the graph is."""
    (tmp_path / "plain_columns.py").write_text(COLUMNS)
    features = [f"x{number}" for number in range(4)]
    preprocessing = Preprocessing(
        module=UserModule.find(str(tmp_path / "plain_columns.py"), None),
        label_key="label",
        custom_config="{}",
        folder=str(tmp_path),
        analysis=Analysis(features, str(tmp_path)),
    )
    specs = dict.fromkeys(features, tf.SparseTensorSpec([None, None], tf.float32))
    specs |= dict.fromkeys(("y", "label"), tf.SparseTensorSpec([None, None], tf.int64))
    found = []

    def traced(inputs: Any) -> Any:
        outputs = preprocessing(inputs)
        found.append(tf.compat.v1.get_default_graph().as_graph_def())
        return outputs

    assert set(tft.get_transform_input_columns(traced, specs)) == set(specs)
    assert "Assert" in {node.op for node in found[0].node}
    assert [function.signature.name for function in found[0].library.function] == []


@pytest.mark.stacks
def test_questions_add_no_beam_stages(tmp_path: pathlib.Path, examples: Any) -> None:
    schema = schema_pb2.Schema()
    for name, kind in (("x", schema_pb2.FLOAT), ("color", schema_pb2.BYTES)):
        schema.feature.add(name=name, type=kind)

    def transforms(count: int) -> int:
        analysis = Analysis(["x", "color"], str(tmp_path))
        for number in range(count):
            analysis.ask(Numbers("x"))
            analysis.ask(Quantiles("x", 2 + number))
            analysis.ask(Vocabulary("color", f"color_{number}", 10, None))
        pipeline = beam.Pipeline()
        stages.summarize(pipeline, schema, find_splits([examples], ["train"]), analysis)
        return len(pipeline.to_runner_api().components.transforms)

    assert transforms(50) == transforms(1)


def test_columns_learn_from_raw_and_from_made_features(
    transform: Any, examples: Any, data: Any
) -> None:
    """By our analysis, and by TF Transform's for what it alone can know."""
    rest = """
    import tensorflow_transform as tft

    def preprocessing_fn(inputs):
        x = tf.reshape(tf.sparse.to_dense(inputs["x"]), [-1, 1])
        color = inputs["color"]
        shade = color.with_values(tf.strings.upper(color.values))
        return {"doubled": 2.0 * x, "centered": x - tft.mean(x), "shade": shade}
    """
    columns = (
        "["
        'columns.scaled_numeric_column("x"),'
        'columns.scaled_numeric_column("doubled"),'
        'columns.scaled_numeric_column("w", "min_max"),'
        'columns.categorical_column_with_learned_vocabulary("color", top_k=2),'
        'columns.categorical_column_with_learned_vocabulary("shade"),'
        "]"
    )
    outputs = transform(examples, columns, rest)
    graph = tft.TFTransformOutput(outputs["transform_graph"].uri)
    written = pathlib.Path(outputs["feature_columns"].uri, "columns.json").read_text()
    facts = json.loads(written)["facts"]
    numbers = [row["x"] for row in data["train"]]
    mean = sum(numbers) / len(numbers)
    assert facts["x"]["mean"] == pytest.approx(mean, rel=1e-5)
    assert facts["doubled"]["mean"] == pytest.approx(2 * mean, rel=1e-5)
    assert facts["doubled"]["variance"] == pytest.approx(4 * facts["x"]["variance"], rel=1e-5)
    assert (facts["w"]["minimum"], facts["w"]["maximum"]) == (1.0, 3.0)
    colors = [row["color"].encode() for row in data["train"]]
    ranked = sorted(set(colors), key=lambda color: (colors.count(color), color), reverse=True)
    assert graph.vocabulary_by_name("vocabulary_color") == ranked[:2]
    shades = [shade.upper() for shade in ranked]
    assert graph.vocabulary_by_name("vocabulary_shade") == shades
    # The exported graph has both tables, wherever they were learned.
    request = {"color": tf.sparse.from_dense([[ranked[1].decode()], [ranked[0].decode()]])}
    served = graph.transform_raw_features(request)
    of_shade = [v for n, v in served.items() if n.startswith("shade") and v.dtype == tf.int64]
    ids = [tf.sparse.to_dense(one).numpy().tolist() for one in (served["color"], *of_shade)]
    assert ids == [[[1], [0]]] * 2
