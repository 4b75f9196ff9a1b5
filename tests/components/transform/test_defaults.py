"""A column's default, where the schema says that the feature is always there."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft

from tfx_estimators.errors import DataError

REQUIRED = "presence { min_fraction: 1 } shape { dim { size: 1 } }"
SCHEMA = f"""
feature {{ name: "x" type: FLOAT {REQUIRED} }}
feature {{ name: "w" type: FLOAT {REQUIRED} }}
feature {{ name: "y" type: INT {REQUIRED} }}
"""


@pytest.mark.stacks
def test_a_missing_value_gets_the_default_in_the_transform_and_in_requests(
    transform: Any, transformed: Any, make_examples: Any, example: Any, tmp_path: pathlib.Path
) -> None:
    rows = [example(x=3.0, w=1.0, y=1), example(w=1.0, y=0), example(x=5.0, w=2.0, y=1)]
    outputs = transform(
        make_examples(tmp_path / "examples", {"train": rows, "eval": rows}),
        """[
            fc.numeric_column("x", default_value=-1.0),
            columns.scaled_numeric_column("x", "min_max", default_value=4.0),
            fc.numeric_column("w"),
        ]""",
        schema=SCHEMA,
        label_key="y",
    )
    rows_written = transformed(outputs)
    assert sorted(row["x"] for row in rows_written) == [[-1.0], [3.0], [5.0]]
    # What is learned is learned from the values that are there.
    assert sorted(row["x_2"] for row in rows_written) == [[0.0], [0.5], [1.0]]

    graph = tft.TFTransformOutput(outputs["transform_graph"].uri)
    spec = graph.raw_feature_spec()
    request = tf.io.parse_example([example(w=1.0)], {name: spec[name] for name in ("x", "w")})
    served = graph.transform_features_layer()(request)
    assert (served["x"].numpy().tolist(), served["x_2"].numpy().tolist()) == ([[-1.0]], [[0.5]])
    assert isinstance(spec["w"], tf.io.FixedLenFeature)


def test_what_else_reads_the_feature_finds_it_as_the_schema_says(
    transform: Any, make_examples: Any, example: Any, tmp_path: pathlib.Path
) -> None:
    rows = [example(x=3.0, w=1.0, y=1), example(w=1.0, y=0)]
    rest = """
    def preprocessing_fn(inputs):
        return {"twice": 2 * tf.ensure_shape(inputs["x"], [None, 1])}
    """
    with pytest.raises((DataError, RuntimeError, ValueError)):
        transform(
            make_examples(tmp_path / "examples", {"train": rows, "eval": rows}),
            '[fc.numeric_column("x", default_value=-1.0)]',
            rest,
            schema=SCHEMA,
        )
