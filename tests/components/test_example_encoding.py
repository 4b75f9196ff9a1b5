"""Encoding record batches: what tfx_bsl's encoder writes, in one order."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tfx_bsl.coders import example_coder

from tfx_estimators.components.example_encoding import ExampleEncoder

pytestmark = pytest.mark.stacks

VALUES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1) | st.integers(0, 300),
    pa.float32(): st.floats(width=32),
    pa.large_binary(): st.binary(max_size=300),
}


@st.composite
def batches(draw: Any) -> pa.RecordBatch:
    # tfx_bsl cuts a name at a NUL.
    letters = st.characters(codec="utf-8", exclude_characters="\0")
    name = st.text(letters, min_size=1, max_size=140)
    names = draw(st.lists(name, min_size=1, max_size=5, unique=True))
    rows = draw(st.integers(1, 5))
    columns = []
    for _ in names:
        kind = draw(st.sampled_from(list(VALUES)))
        row = st.none() | st.lists(VALUES[kind], max_size=40)
        columns.append(
            pa.array(draw(st.lists(row, min_size=rows, max_size=rows)), pa.large_list(kind))
        )
    batch = pa.RecordBatch.from_arrays(columns, names)
    return batch.slice(draw(st.integers(0, rows - 1)))


@settings(max_examples=300, deadline=None)
@given(batches())
def test_the_examples_of_tfx_bsl_in_the_order_of_names(batch: pa.RecordBatch) -> None:
    made = ExampleEncoder(b"").encode(batch)
    theirs = example_coder.RecordBatchToExamplesEncoder().encode(batch)
    # Protocol buffers write maps in one order when told to be deterministic; messages
    # are not compared, since NaN is not equal to itself.
    ordered = [tf.train.Example.FromString(r).SerializeToString(deterministic=True) for r in theirs]
    assert made == ordered


def test_nested_lists_have_one_order_too() -> None:
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = text_format.Parse(
        """
        feature { name: "b_values" type: INT } feature { name: "b_lengths" type: INT }
        feature { name: "a" type: INT }
        tensor_representation_group { key: "" value { tensor_representation {
          key: "b" value { ragged_tensor {
            feature_path { step: "b_values" } partition { row_length: "b_lengths" }
          } } } } }
        """,
        schema_pb2.Schema(),
    )
    nested = pa.array([[[1, 2], [3]], [[4]]], pa.large_list(pa.large_list(pa.int64())))
    batch = pa.RecordBatch.from_arrays([nested, pa.array([[1], [2]])], ["b", "a"])
    encoder = ExampleEncoder(schema.SerializeToString())
    first = encoder.encode(batch)
    assert all(encoder.encode(batch) == first for _ in range(5))
    feature = tf.train.Example.FromString(first[0]).features.feature
    assert list(feature["b_values"].int64_list.value) == [1, 2, 3]
    assert list(feature["b_lengths"].int64_list.value) == [2, 1]
