"""Model input from raw examples equals that from transformed ones, bit for bit."""

from __future__ import annotations

import collections
import copy
import pathlib
from collections.abc import Callable
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators.errors import TfxEstimatorsError
from tfx_estimators.estimator import columns
from tfx_estimators.estimator.columns.plan import ColumnPlan, compile_columns
from tfx_estimators.estimator.columns.report import report
from tfx_estimators.estimator.columns.tensorflow_columns import CategoricalColumn as Categorical

try:
    import tf_keras as keras
except ImportError:  # TensorFlow 2.15, whose own Keras is still Keras 2.
    keras = tf.keras

fc = tf.feature_column
pytestmark = pytest.mark.stacks

Row = dict[str, list[Any]]

WORDS_FILE = pathlib.Path(__file__).parent / "words.txt"
WORDS = ["a", "b", "c", "dd", "", "ünï", "zz"]
DTYPES = {"s": tf.string, "t": tf.string, "i": tf.int64, "f": tf.float32, "v": tf.float32}


class NoAnalyzers:
    """For columns that learn nothing."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def keep(self, resource: Any) -> None:
        self.kept.append(resource)


# -- columns ------------------------------------------------------------------------

small = st.integers(1, 6)


def halved(x: Any) -> Any:
    return x / 2 - 1


def halved_sequence(x: Any) -> Any:
    """TensorFlow gives a sequence column's function a `SparseTensor`."""
    return x.with_values(halved(x.values))


def weights(shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> Any:
    """An initializer: the same numbers for the same shape, wherever it is called."""
    return tf.constant(np.random.default_rng(7).normal(size=[int(n) for n in shape]), dtype)


@st.composite
def numeric_columns(draw: Any) -> Any:
    key, shape = draw(st.sampled_from([("f", (1,)), ("v", (2,)), ("i", (1,))]))
    dtype = tf.int64 if key == "i" else draw(st.sampled_from([tf.float32, tf.float32]))
    default = draw(st.sampled_from([0, 3] if dtype == tf.int64 else [0.0, -1.5]))
    normalizer = draw(st.sampled_from([None, halved]))
    return fc.numeric_column(key, shape, default, dtype, normalizer)


@st.composite
def bucketized_columns(draw: Any) -> Any:
    source = draw(numeric_columns())
    boundaries = sorted(
        draw(st.sets(st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, 3.0]), min_size=1))
    )
    return fc.bucketized_column(source, boundaries)


@st.composite
def leaf_categorical_columns(draw: Any) -> Any:
    return draw(leaf_columns_of(draw(st.sampled_from(["s", "t", "i"]))))


@st.composite
def leaf_columns_of(draw: Any, key: str) -> Any:
    kind = draw(st.sampled_from(["hash", "list", "oov", "default", "identity", "file"]))
    if key != "i" and kind == "file":
        size = draw(st.sampled_from([None, 2]))
        return fc.categorical_column_with_vocabulary_file(
            key, str(WORDS_FILE), size, num_oov_buckets=draw(st.sampled_from([0, 2]))
        )
    if key == "i" and kind == "identity":
        return fc.categorical_column_with_identity(key, 5, default_value=draw(st.integers(0, 4)))
    if kind in ("hash", "identity", "file"):
        dtype = tf.int64 if key == "i" else tf.string
        return fc.categorical_column_with_hash_bucket(key, draw(small) + 1, dtype)
    entries = [3, 0, 7] if key == "i" else ["dd", "a", "zz"]
    extra = {"oov": {"num_oov_buckets": draw(small)}, "default": {"default_value": 1}}
    return fc.categorical_column_with_vocabulary_list(key, entries, **extra.get(kind, {}))


@st.composite
def crossed_columns(draw: Any) -> Any:
    parts = st.one_of(
        st.sampled_from(["s", "t"]),
        bucketized_columns(),
        leaf_categorical_columns().filter(lambda c: not hasattr(c, "hash_bucket_size")),
    )
    keys = draw(st.lists(parts, min_size=2, max_size=3, unique_by=lambda k: getattr(k, "name", k)))
    # TensorFlow parses a feature once for a cross, also where two of its keys want
    # different defaults; the transform gives each what it asks for.
    raw = [k if isinstance(k, str) else next(iter(k.parse_example_spec)) for k in keys]
    hypothesis.assume(len(set(raw)) == len(raw))
    return fc.crossed_column(keys, draw(small) * 10, hash_key=draw(st.sampled_from([None, 5])))


categorical_columns = st.one_of(leaf_categorical_columns(), crossed_columns(), bucketized_columns())


@st.composite
def dense_columns(draw: Any) -> Any:
    kind = draw(st.sampled_from(["numeric", "bucketized", "indicator", "embedding", "weighted"]))
    if kind == "numeric":
        return draw(numeric_columns())
    if kind == "bucketized":
        return draw(bucketized_columns())
    categorical = draw(categorical_columns)
    if kind == "weighted":
        categorical = fc.weighted_categorical_column(draw(leaf_columns_of("s")), "w")
    if kind == "indicator":
        return fc.indicator_column(categorical)
    combiner = draw(st.sampled_from(["mean", "sum", "sqrtn"]))
    return fc.embedding_column(categorical, draw(small), combiner, initializer=weights)


def rows() -> st.SearchStrategy[list[Row]]:
    words = st.lists(st.sampled_from(WORDS), max_size=3)
    number = st.floats(-4, 4, width=32)

    def row(s: list[str], t: list[str], i: list[int], f: list[float], v: list[float]) -> Row:
        return {"s": s, "t": t, "i": i, "f": f, "v": v, "w": [0.5 + n for n in range(len(s))]}

    one = st.builds(
        row,
        words,
        words,
        st.lists(st.integers(-2, 9), max_size=1),
        st.lists(number, max_size=1),
        st.one_of(st.just([]), st.lists(number, min_size=2, max_size=2)),
    )
    return st.lists(one, min_size=1, max_size=4)


# -- the two ways --------------------------------------------------------------------


def serialize(row: Row) -> bytes:
    def feature(key: str, values: list[Any]) -> Any:
        if DTYPES.get(key, tf.float32) == tf.string:
            encoded = [value.encode() for value in values]
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
        if key == "i":
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    # An example lacks a feature; it does not have an empty one.
    features = {key: feature(key, values) for key, values in row.items() if values}
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return bytes(example.SerializeToString())


def transform(plan: ColumnPlan, data: list[Row], *, sparse_schema: bool) -> list[bytes]:
    """The transformed examples, as TF Transform would write them."""
    dtypes = {**DTYPES, "w": tf.float32}
    spec = {key: tf.io.VarLenFeature(dtype) for key, dtype in dtypes.items()}
    with tf.Graph().as_default():
        raw = tf.io.parse_example([serialize(row) for row in data], spec)
        if not sparse_schema:
            raw = {key: tf.RaggedTensor.from_sparse(value) for key, value in raw.items()}
        made = plan.transform(raw, NoAnalyzers())  # type: ignore[arg-type]
        with tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.tables_initializer())
            values = session.run(made)
    return [serialize_transformed(values, index) for index in range(len(data))]


def serialize_transformed(values: dict[str, Any], index: int) -> bytes:
    features = {}
    for name, value in values.items():
        if isinstance(value, tf.compat.v1.SparseTensorValue):
            flat = value.values[value.indices[:, 0] == index]
        else:
            flat = np.ravel(value[index])
        if flat.dtype == np.float32:
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=flat))
        else:
            assert flat.dtype == np.int64
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=flat))
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return bytes(example.SerializeToString())


def v1_input_layer(features: dict[str, Any], dense: list[Any]) -> Any:
    return tf.compat.v1.feature_column.input_layer(features, dense)


def dense_features(features: dict[str, Any], dense: list[Any]) -> Any:
    return keras.layers.DenseFeatures(dense)(features)


def run(
    examples: list[bytes], columns_: list[Any], build: Callable[[dict[str, Any]], Any]
) -> tuple[Any, list[str]]:
    """What `build` makes of parsed examples, and the names of the variables it made."""
    with tf.Graph().as_default():
        features = tf.io.parse_example(examples, fc.make_parse_example_spec(columns_))
        built = build(features)
        with tf.compat.v1.Session() as session:
            session.run(
                [tf.compat.v1.global_variables_initializer(), tf.compat.v1.tables_initializer()]
            )
            names = [v.name for v in tf.compat.v1.global_variables()]
            return session.run(built), names


settings = hypothesis.settings(
    deadline=None,
    max_examples=12,
    suppress_health_check=list(hypothesis.HealthCheck),
    derandomize=True,
)


@pytest.mark.parametrize("layer", [v1_input_layer, dense_features])
@settings
@hypothesis.given(
    written=st.lists(dense_columns(), min_size=1, max_size=6, unique_by=lambda c: c.name),
    data=rows(),
    sparse_schema=st.booleans(),
)
def test_dense_input(layer: Any, written: list[Any], data: list[Row], sparse_schema: bool) -> None:
    try:
        fc.make_parse_example_spec(written)
    except ValueError:
        hypothesis.reject()  # TensorFlow itself does not take these columns together.
    plan = compile_columns(written)
    model = plan.model_columns({})
    before, names = run([serialize(r) for r in data], written, lambda f: layer(f, written))
    records = transform(plan, data, sparse_schema=sparse_schema)
    after, new_names = run(records, model, lambda f: layer(f, model))
    assert before.dtype == after.dtype
    np.testing.assert_array_equal(before, after)
    assert names == new_names


@settings
@hypothesis.given(
    written=st.lists(categorical_columns, min_size=1, max_size=4, unique_by=lambda c: c.name),
    data=rows(),
    sparse_schema=st.booleans(),
)
def test_linear_ids(written: list[Any], data: list[Row], sparse_schema: bool) -> None:
    """The ids that a linear model looks its weights up with."""
    try:
        fc.make_parse_example_spec(written)
    except ValueError:
        hypothesis.reject()  # TensorFlow itself does not take these columns together.

    def ids(columns_: tuple[Any, ...]) -> Callable[[dict[str, Any]], Any]:
        cache = tf.__internal__.feature_column.FeatureTransformationCache
        return lambda features: [
            c.get_sparse_tensors(cache(features), None).id_tensor for c in columns_
        ]

    plan = compile_columns({"linear": tuple(written)})
    model = plan.model_columns({})["linear"]
    before, _ = run([serialize(r) for r in data], written, ids(tuple(written)))
    records = transform(plan, data, sparse_schema=sparse_schema)
    after, _ = run(records, model, ids(model))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old.values, new.values)
        np.testing.assert_array_equal(old.indices, new.indices)
    for column, rewritten in zip(written, model, strict=True):
        assert (column.name, column.num_buckets) == (rewritten.name, rewritten.num_buckets)


@st.composite
def sequence_columns(draw: Any) -> Any:
    key = draw(st.sampled_from(["s", "t", "i", "f", "v"]))
    if key in ("f", "v"):
        default = draw(st.sampled_from([0.0, 9.0]))
        normalizer = draw(st.sampled_from([None, halved_sequence]))
        shape = (2,) if key == "v" else (1,)
        return fc.sequence_numeric_column(key, shape, default, normalizer_fn=normalizer)
    if key == "i":
        made = fc.sequence_categorical_column_with_identity(key, 5, default_value=0)
    elif draw(st.booleans()):
        made = fc.sequence_categorical_column_with_hash_bucket(key, draw(small) + 1)
    else:
        buckets = draw(st.sampled_from([0, 2]))
        made = fc.sequence_categorical_column_with_vocabulary_list(
            key, ["a", "dd"], num_oov_buckets=buckets
        )
    if draw(st.booleans()):
        return fc.indicator_column(made)
    return fc.embedding_column(made, draw(small), initializer=weights)


@settings
@hypothesis.given(column=sequence_columns(), data=rows(), sparse_schema=st.booleans())
def test_sequence_input(column: Any, data: list[Row], sparse_schema: bool) -> None:
    """Values and lengths of a sequence."""
    plan = compile_columns([column])
    model = plan.model_columns({})

    def sequence(columns_: list[Any]) -> Callable[[dict[str, Any]], Any]:
        return lambda features: keras.experimental.SequenceFeatures(columns_)(features)

    before, names = run([serialize(r) for r in data], [column], sequence([column]))
    records = transform(plan, data, sparse_schema=sparse_schema)
    after, new_names = run(records, model, sequence(model))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert names == new_names


@pytest.mark.parametrize(
    "column",
    [
        fc.sequence_categorical_column_with_vocabulary_list("s", ["a", "dd"]),
        fc.sequence_categorical_column_with_hash_bucket("t", 5),
    ],
)
def test_sequences_keep_unseen_values_as_steps(column: Any) -> None:
    embedding = fc.embedding_column(column, 2, initializer=weights)
    data: list[Row] = [{"s": ["x", "a", "y"], "t": ["x"]}, {"s": [], "t": ["a", "b"]}]
    plan = compile_columns(embedding)
    model = plan.model_columns({})

    def sequence(column: Any) -> Callable[[dict[str, Any]], Any]:
        layer = keras.experimental.SequenceFeatures([column])
        return lambda features: layer(features)

    before, _ = run([serialize(r) for r in data], [embedding], sequence(embedding))
    after, _ = run(transform(plan, data, sparse_schema=True), [model], sequence(model))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_sequence_numeric() -> None:
    column = fc.sequence_numeric_column("v", default_value=9.0)
    data: list[Row] = [{"v": [1.0, 2.0]}, {"v": []}]
    plan = compile_columns([column])
    model = plan.model_columns({})

    def sequence(columns_: list[Any]) -> Callable[[dict[str, Any]], Any]:
        return lambda features: keras.experimental.SequenceFeatures(columns_)(features)

    before, _ = run([serialize(r) for r in data], [column], sequence([column]))
    after, _ = run(transform(plan, data, sparse_schema=True), model, sequence(model))
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])


def test_shared_embeddings_stay_shared() -> None:
    sources = [
        fc.categorical_column_with_vocabulary_list("s", ["a", "dd", "zz"]),
        fc.categorical_column_with_vocabulary_list("t", ["a", "dd", "zz"]),
    ]
    made = []

    def feature_columns() -> list[Any]:
        made.extend(fc.shared_embeddings(sources, 2, initializer=weights))
        return made

    data: list[Row] = [{"s": ["a", "x"], "t": ["zz"]}, {"s": [], "t": ["dd", "a"]}]
    plan = compile_columns(feature_columns)
    shared, model = made, plan.model_columns({})
    before, names = run([serialize(r) for r in data], shared, lambda f: dense_features(f, shared))
    records = transform(plan, data, sparse_schema=True)
    after, new_names = run(records, model, lambda f: dense_features(f, model))
    np.testing.assert_array_equal(before, after)
    assert names == new_names
    assert len(names) == 1


def test_columns_of_one_name_get_features_of_their_own() -> None:
    wide = fc.categorical_column_with_identity("i", 10, default_value=0)
    deep = fc.numeric_column("i", default_value=0, dtype=tf.int64)
    data: list[Row] = [{"i": [4]}, {"i": []}]
    plan = compile_columns({"linear": [wide], "dnn": [deep]})
    model = plan.model_columns({})
    assert [f.name for f in plan.features] == ["i", "i_2"]
    records = transform(plan, data, sparse_schema=True)
    after, _ = run(records, model["dnn"], lambda f: dense_features(f, model["dnn"]))
    assert after.tolist() == [[4.0], [0.0]]
    assert model["dnn"][0].name == model["linear"][0].name == "i"


def test_vocabulary_file(tmp_path: Any) -> None:
    path = tmp_path / "words.txt"
    path.write_text("dd\na\n")
    column = fc.indicator_column(
        fc.categorical_column_with_vocabulary_file("s", str(path), num_oov_buckets=2)
    )
    data: list[Row] = [{"s": ["a", "x"]}, {"s": []}]
    plan = compile_columns(column)
    model = plan.model_columns({})
    before, _ = run([serialize(r) for r in data], [column], lambda f: dense_features(f, [column]))
    records = transform(plan, data, sparse_schema=True)
    after, _ = run(records, [model], lambda f: dense_features(f, [model]))
    np.testing.assert_array_equal(before, after)


def test_models_copy_their_params() -> None:
    column = compile_columns(fc.numeric_column("f")).model_columns({})
    assert copy.deepcopy(column).name == "f"


@columns.register_column("numbers")
class CyclicColumn(
    collections.namedtuple("CyclicColumn", ["key", "period"]),
    tf.__internal__.feature_column.DenseColumn,  # type: ignore[misc]
):
    """A number as a point on a circle: where hour 23 is beside hour 0."""

    _is_v2_column = True

    @property
    def name(self) -> str:
        return f"{self.key}_cyclic"

    @property
    def parents(self) -> list[str]:
        return [self.key]

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return {self.key: tf.io.FixedLenFeature((1,), tf.float32, [0.0])}

    @property
    def variable_shape(self) -> Any:
        return tf.TensorShape([2])

    def transform_feature(self, transformation_cache: Any, state_manager: Any) -> Any:
        return transformation_cache.get(self.key, state_manager) * (2 * np.pi / self.period)

    def get_dense_tensor(self, transformation_cache: Any, state_manager: Any) -> Any:
        angle = transformation_cache.get(self, state_manager)
        return tf.concat([tf.sin(angle), tf.cos(angle)], axis=1)


@columns.register_column("ids")
class LengthColumn(collections.namedtuple("LengthColumn", ["key", "num_buckets"]), Categorical):
    """The lengths of strings."""

    _is_v2_column = True

    @property
    def name(self) -> str:
        return f"{self.key}_length"

    @property
    def parents(self) -> list[str]:
        return [self.key]

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return {self.key: tf.io.VarLenFeature(tf.string)}

    def transform_feature(self, transformation_cache: Any, state_manager: Any) -> Any:
        words = transformation_cache.get(self.key, state_manager)
        return words.with_values(tf.strings.length(words.values))

    def get_sparse_tensors(self, transformation_cache: Any, state_manager: Any) -> Any:
        return self.IdWeightPair(transformation_cache.get(self, state_manager), None)


def test_registered_classes_are_computed_on_beam_and_read_by_the_model() -> None:
    written = [
        CyclicColumn("f", 24.0),
        fc.indicator_column(LengthColumn("s", 4)),
        fc.embedding_column(LengthColumn("t", 4), 2, initializer=weights),
    ]
    data: list[Row] = [{"f": [23.0], "s": ["a", "bcd"], "t": ["zz"]}, {"f": [], "s": [], "t": []}]
    plan = compile_columns(written)
    assert [(f.name, f.kind) for f in plan.features] == [
        ("f_cyclic", "numbers"),
        ("s_length", "ids"),
        ("t_length", "ids"),
    ]
    assert [entry["on_beam"] for entry in report(plan)] == [
        ["CyclicColumn"],
        ["LengthColumn"],
        ["LengthColumn"],
    ]
    model = plan.model_columns({})
    before, names = run([serialize(r) for r in data], written, lambda f: dense_features(f, written))
    records = transform(plan, data, sparse_schema=True)
    after, new_names = run(records, model, lambda f: dense_features(f, model))
    assert after.shape == (2, 2 + 4 + 2)
    np.testing.assert_array_equal(before, after)
    assert names == new_names

    too_long: list[Row] = [{"s": ["abcd"]}]
    with pytest.raises(tf.errors.InvalidArgumentError, match="s_length has ids from 0 to 3"):
        transform(compile_columns(LengthColumn("s", 4)), too_long, sparse_schema=True)


class Float64Column(CyclicColumn):
    def get_dense_tensor(self, transformation_cache: Any, state_manager: Any) -> Any:
        return tf.cast(super().get_dense_tensor(transformation_cache, state_manager), tf.float64)


class TrainedColumn(CyclicColumn):
    def get_dense_tensor(self, transformation_cache: Any, state_manager: Any) -> Any:
        numbers = super().get_dense_tensor(transformation_cache, state_manager)
        return numbers * state_manager.get_variable(self, "scale")


class DoubledColumn(LengthColumn):
    def get_sparse_tensors(self, transformation_cache: Any, state_manager: Any) -> Any:
        ids = transformation_cache.get(self, state_manager)
        return self.IdWeightPair(ids, ids.with_values(tf.fill(tf.shape(ids.values), 2.0)))


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (Float64Column("f", 24.0), "computes float64"),
        (TrainedColumn("f", 24.0), "reads its variable 'scale'"),
        (DoubledColumn("s", 4), "computes weights beside its ids"),
    ],
)
def test_what_the_model_could_not_read_from_beam_is_refused(column: Any, problem: str) -> None:
    """Of subclasses of registered classes, which are registered with them."""
    with pytest.raises(TfxEstimatorsError, match=problem):
        transform(compile_columns(column), [{"f": [1.0], "s": ["a"]}], sparse_schema=True)
