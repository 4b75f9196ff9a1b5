"""Canned models whose columns are looked up in few operations, beside TensorFlow's own lookups."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator

pytestmark = [
    pytest.mark.stacks,
    pytest.mark.skipif(
        hasattr(tf, "estimator"), reason="TensorFlow's own estimators look up as they always did"
    ),
]

fc = tf.feature_column
EXAMPLES = 240
BATCH = 24
STEPS = 30


@contextlib.contextmanager
def tensorflows_own_lookups() -> Iterator[None]:
    """Canned models as the estimator package defines them."""
    from tensorflow.python.feature_column import feature_column_v2
    from tensorflow_estimator.python.estimator.canned import dnn, linear

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "fc_v2", feature_column_v2)
        for model in (dnn._DNNModel, dnn._DNNModelV2):
            patch.setattr(model, "__init__", model.__init__.__wrapped__)
        yield


def columns() -> tuple[list[Any], list[Any]]:
    """Every kind of categorical column, of a wide and of a deep part."""
    color = fc.categorical_column_with_vocabulary_list("color", ["red", "green", "blue"])
    shade = fc.categorical_column_with_vocabulary_list("color", ["red", "green"], num_oov_buckets=2)
    shop = fc.categorical_column_with_hash_bucket("shop", 7)
    place = fc.categorical_column_with_hash_bucket("place", 9, tf.int64)
    hour = fc.categorical_column_with_identity("hour", 6)
    clamped = fc.categorical_column_with_identity("day", 4, default_value=1)
    words = fc.categorical_column_with_vocabulary_list("words", ["a", "b", "c", "d"])
    tags = fc.categorical_column_with_identity("tags", 5)
    weighted = fc.weighted_categorical_column(words, "word_weights")
    size = fc.bucketized_column(fc.numeric_column("size"), [-1.0, 0.0, 0.5])
    pair = fc.bucketized_column(fc.numeric_column("pair", shape=(2,)), [0.0])
    crossed = fc.crossed_column(["color", "shop"], 11)
    wide = [color, shop, place, hour, clamped, words, tags, size, pair, crossed, weighted]
    deep = [
        fc.numeric_column("size"),
        size,
        fc.indicator_column(color),
        fc.indicator_column(words),
        fc.indicator_column(hour),
        fc.embedding_column(shade, 3),
        fc.embedding_column(shop, 4),
        fc.embedding_column(place, 2, combiner="sqrtn"),
        fc.embedding_column(clamped, 2, combiner="sum"),
        fc.embedding_column(words, 3),
        fc.embedding_column(tags, 3, combiner="sum"),
        fc.embedding_column(crossed, 3, combiner="sqrtn"),
        fc.embedding_column(size, 2),
        fc.embedding_column(pair, 2),
        fc.embedding_column(hour, 2, max_norm=0.5),
    ]
    return wide, deep


def dataset() -> Any:
    """Features dense and sparse, with values that are missing, unknown or out of range."""
    chance = np.random.default_rng(5)

    def choose(*values: Any, shape: Any = (EXAMPLES, 1)) -> Any:
        return chance.choice(np.array(values), shape)

    words = choose("a", "b", "c", "d", "unknown", "", shape=(EXAMPLES, 3))
    features = {
        "color": choose("red", "green", "blue", "mauve", ""),
        "shop": choose(*"abcdefgh", ""),
        "place": choose(3, 5, 70000, -1, -2),
        "hour": choose(0, 1, 2, 5, -1, -7),
        "day": choose(0, 1, 2, 3, -1, -3, 9),
        "size": chance.normal(size=(EXAMPLES, 1)).astype(np.float32),
        "pair": chance.normal(size=(EXAMPLES, 2)).astype(np.float32),
        "words": words,
        "tags": choose(0, 1, 4, -1, shape=(EXAMPLES, 3)),
        "word_weights": np.where(words == "", 0, chance.uniform(0.1, 2, words.shape)).astype(
            np.float32
        ),
    }
    label = chance.integers(0, 2, (EXAMPLES, 1))

    def sparse(features: dict[str, Any], label: Any) -> Any:
        is_there = tf.not_equal(features["words"], "")
        at = tf.where(is_there)
        shape = tf.shape(is_there, tf.int64)
        made = dict(features)
        for key in ("words", "word_weights", "tags"):
            made[key] = tf.SparseTensor(at, tf.gather_nd(features[key], at), shape)
        return made, label

    return tf.data.Dataset.from_tensor_slices((features, label)).batch(BATCH).map(sparse).repeat()


def train(model_dir: pathlib.Path, make: Callable[..., Any]) -> dict[str, Any]:
    """Weights and slots after the training, and the predictions, by name."""
    wide, deep = columns()
    estimator = make(
        linear_feature_columns=wide,
        dnn_feature_columns=deep,
        dnn_hidden_units=[8],
        config=tf_estimator.RunConfig(
            model_dir=str(model_dir),
            tf_random_seed=1,
            # The order in which threads add up decides the last bit.
            session_config=tf.compat.v1.ConfigProto(
                intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
            ),
        ),
    )
    estimator.train(dataset, steps=STEPS)
    found = {name: estimator.get_variable_value(name) for name in estimator.get_variable_names()}
    answers = estimator.predict(lambda: dataset().take(EXAMPLES // BATCH))
    found["predictions"] = np.array([answer["logits"] for answer in answers])
    return found


def of_the_first_api(**arguments: Any) -> Any:
    """Its weights lie in partitioned variables, of one part; Ftrl and Adagrad train them."""
    return tf_estimator.v1.DNNLinearCombinedClassifier(**arguments)


def with_momentum_and_adam(**arguments: Any) -> Any:
    """Trained by optimizers that move a row of weights for a gradient of zero."""
    import tf_keras

    optimizers = tf_keras.optimizers.legacy
    return tf_estimator.DNNLinearCombinedClassifier(
        linear_optimizer=optimizers.SGD(0.05, momentum=0.9),
        dnn_optimizer=optimizers.Adam(0.01),
        **arguments,
    )


@pytest.mark.parametrize("make", [of_the_first_api, with_momentum_and_adam])
def test_weights_and_predictions_are_those_of_tensorflows_own_lookups(
    tmp_path: pathlib.Path, make: Callable[..., Any]
) -> None:
    """Weights and slots of the optimizers bit for bit.

    Of the smaller graph of predictions TensorFlow may fuse more operations, and round once less.
    """
    direct = train(tmp_path / "direct", make)
    with tensorflows_own_lookups():
        own = train(tmp_path / "own", make)

    np.testing.assert_allclose(direct.pop("predictions"), own.pop("predictions"), rtol=1e-5)
    assert direct.keys() == own.keys()
    different = {
        name: float(np.abs(direct[name] - own[name]).max())
        for name in own
        if not np.array_equal(direct[name], own[name])
    }
    assert not different, different


def count_operations(make: Callable[[], Any]) -> int:
    """The operations of a graph in which something is made."""
    with tf.Graph().as_default() as graph:
        make()
        return len(graph.get_operations())


def test_a_dense_feature_of_one_value_takes_half_of_the_operations() -> None:
    """Those of its variable, which stay as they are, included."""
    from tensorflow_estimator.python.estimator.canned import linear

    def make() -> None:
        column = fc.categorical_column_with_identity("hour", 6)
        linear.LinearModel([column])({"hour": tf.compat.v1.placeholder(tf.int64, [None, 1])})

    direct = count_operations(make)
    with tensorflows_own_lookups():
        own = count_operations(make)
    assert direct < own / 2


def test_ids_from_the_input_are_looked_up_as_others_are() -> None:
    """An Estimator puts its input on the first CPU by name, and its weights on none."""
    from tensorflow_estimator.python.estimator.canned import linear

    def make(device: str | None) -> None:
        column = fc.categorical_column_with_identity("tags", 5)
        with tf.device(device):
            tags = tf.compat.v1.sparse_placeholder(tf.int64, [None, 3])
        linear.LinearModel([column])({"tags": tags})

    direct = count_operations(lambda: make("/cpu:0"))
    assert direct == count_operations(lambda: make(None))
    with tensorflows_own_lookups():
        assert direct < count_operations(lambda: make("/cpu:0"))


def test_weights_on_another_device_stay_there() -> None:
    """Only the rows that are needed are sent."""
    from tensorflow_estimator.python.estimator.canned import linear

    with tf.Graph().as_default() as graph:
        tags = tf.compat.v1.sparse_placeholder(tf.int64, [None, 3])
        setter = tf.compat.v1.train.replica_device_setter(
            cluster={"ps": ["here:1"], "worker": ["here:2"]}
        )
        with tf.compat.v1.device(setter):
            linear.LinearModel([fc.categorical_column_with_identity("tags", 5)])({"tags": tags})
        operations = graph.get_operations()
    gathers = [op for op in operations if op.type == "ResourceGather"]
    assert {op.device for op in gathers} == {"/job:ps/task:0"}
