"""The table of column kinds is whole, and takes classes from outside."""

from __future__ import annotations

import collections
import types
from typing import Any

import pytest
import tensorflow as tf
from page_code import page_code

from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator import columns
from tfx_estimators.estimator.columns import tensorflow_columns as tfc
from tfx_estimators.estimator.columns.plan import compile_columns
from tfx_estimators.estimator.columns.report import report
from tfx_estimators.estimator.columns.table import KINDS, Kinds, kind_of

fc = tf.feature_column
pytestmark = pytest.mark.stacks

IDS = fc.categorical_column_with_identity("i", 5)
SAMPLES = {
    "bucketized_column": lambda: fc.bucketized_column(fc.numeric_column("f"), [0.0]),
    "categorical_column_with_hash_bucket": lambda: fc.categorical_column_with_hash_bucket("s", 5),
    "categorical_column_with_identity": lambda: IDS,
    "categorical_column_with_vocabulary_file": lambda: fc.categorical_column_with_vocabulary_file(
        "s", __file__, 2
    ),
    "categorical_column_with_vocabulary_list": lambda: fc.categorical_column_with_vocabulary_list(
        "s", ["a"]
    ),
    "crossed_column": lambda: fc.crossed_column(["s", "t"], 5),
    "embedding_column": lambda: fc.embedding_column(IDS, 2),
    "indicator_column": lambda: fc.indicator_column(IDS),
    "numeric_column": lambda: fc.numeric_column("f"),
    "sequence_categorical_column_with_hash_bucket": (
        lambda: fc.sequence_categorical_column_with_hash_bucket("s", 5)
    ),
    "sequence_categorical_column_with_identity": (
        lambda: fc.sequence_categorical_column_with_identity("i", 5)
    ),
    "sequence_categorical_column_with_vocabulary_file": (
        lambda: fc.sequence_categorical_column_with_vocabulary_file("s", __file__, 2)
    ),
    "sequence_categorical_column_with_vocabulary_list": (
        lambda: fc.sequence_categorical_column_with_vocabulary_list("s", ["a"])
    ),
    "sequence_numeric_column": lambda: fc.sequence_numeric_column("f"),
    "shared_embeddings": lambda: fc.shared_embeddings([IDS], 2)[0],
    "weighted_categorical_column": lambda: fc.weighted_categorical_column(IDS, "w"),
    "categorical_column_with_learned_vocabulary": (
        lambda: columns.categorical_column_with_learned_vocabulary("s")
    ),
    "quantile_bucketized_column": lambda: columns.quantile_bucketized_column("f", 3),
    "scaled_numeric_column": lambda: columns.scaled_numeric_column("f"),
}


def test_every_public_column_has_a_line_of_its_own() -> None:
    theirs = {name for name in dir(fc) if not name.startswith("_")} - {"make_parse_example_spec"}
    ours = {name for name in columns.__all__ if "_column" in name}
    ours -= {"compile_columns", "load_model_columns", "read_columns", "write_columns"}
    assert theirs | ours - {"register_column"} == set(SAMPLES), "a public column has no sample"
    for name, make in SAMPLES.items():
        with tf.Graph().as_default():
            column = make()
        assert type(column) in KINDS.entries, name
        assert not kind_of(column).stays, name


@pytest.mark.parametrize("forgotten", list(KINDS.entries))
def test_a_table_without_a_kind_is_refused(forgotten: type) -> None:
    lines = {key: kind for key, kind in KINDS.entries.items() if key is not forgotten}
    with pytest.raises(ColumnError, match=rf"no kind for \S*\.{forgotten.__name__}\b"):
        Kinds(lines)


def own_class(module: str = __name__) -> Any:
    """A dense column that is nobody's but the user's."""
    dense = tf.__internal__.feature_column.DenseColumn
    fields = collections.namedtuple("OwnColumn", ["key"])
    members = {
        "__module__": module,
        "_is_v2_column": True,
        "name": property(lambda self: self.key),
        "parents": property(lambda self: [self.key]),
        "parse_example_spec": property(
            lambda self: {self.key: tf.io.FixedLenFeature((1,), tf.float32, [0.0])}
        ),
        "variable_shape": tf.TensorShape([1]),
        "transform_feature": lambda self, cache, state: cache.get(self.key, state),
        "get_dense_tensor": lambda self, cache, state: cache.get(self, state),
    }
    return type(dense)("OwnColumn", (fields, dense), members)


def test_an_unregistered_class_stays_in_the_model_by_a_rule_that_the_report_names() -> None:
    plan = compile_columns([own_class()("f")])
    (entry,) = report(plan)
    assert (entry["on_beam"], entry["in_model"]) == ([], ["OwnColumn"])
    assert entry["features"] == ["f"]
    assert "not registered, and the rule" in entry["why"]


def test_the_class_on_the_page_is_computed_on_beam() -> None:
    module = types.ModuleType("model_of_the_page")
    exec(page_code("feature-columns", "A column class of your own"), vars(module))
    (entry,) = report(compile_columns(module.feature_columns()))
    assert (entry["on_beam"], entry["in_model"]) == (["CyclicColumn"], [])


def test_the_rule_is_not_for_classes_of_tensorflow_or_ours() -> None:
    for module in ("tensorflow.python.feature_column.new", "tfx_estimators.estimator.columns.new"):
        with pytest.raises(ColumnError, match=r"no kind for .*\.new\.OwnColumn"):
            compile_columns([own_class(module)("f")])


def test_what_cannot_be_registered_is_refused() -> None:
    own = own_class()
    assert columns.register_column("numbers")(own) is own
    with pytest.raises(ColumnError, match="in the table of column kinds already"):
        columns.register_column("numbers")(own)
    with pytest.raises(ColumnError, match="in the table of column kinds already"):
        columns.register_column("numbers")(tfc.NumericColumn)
    with pytest.raises(ColumnError, match="has no get_sparse_tensors and no num_buckets"):
        columns.register_column("ids")(own_class())
    with pytest.raises(ColumnError, match=r"(?s)not a column class that is a named tuple"):
        columns.register_column("numbers")(type("Loose", (tfc.FeatureColumn,), {}))
    with pytest.raises(ColumnError, match="not a column class"):
        columns.register_column("numbers")(int)
    with pytest.raises(ColumnError, match=r"(?s)'weights'.*'numbers' or 'ids'"):
        columns.register_column("weights")  # type: ignore[arg-type]
