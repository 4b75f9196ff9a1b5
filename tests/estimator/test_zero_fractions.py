"""The fractions of zeros in canned models' summaries, beside TensorFlow's own."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator

v1 = tf.compat.v1
fc = tf.feature_column

pytestmark = [
    pytest.mark.stacks,
    pytest.mark.skipif(
        hasattr(tf, "estimator"), reason="TensorFlow's own estimators count as they always did"
    ),
]


@contextlib.contextmanager
def tensorflows_own_fractions() -> Iterator[None]:
    """Canned models as the estimator package defines them."""
    from tensorflow_estimator.python.estimator.canned import dnn, dnn_linear_combined, linear

    with pytest.MonkeyPatch.context() as patch:
        own = linear._compute_fraction_of_zero.__wrapped__
        patch.setattr(linear, "_compute_fraction_of_zero", own)
        for module in (dnn, dnn_linear_combined):
            patch.setattr(module, "tf", module.tf._real)
        yield


def bits(fraction: Any) -> bytes:
    assert fraction.dtype == np.float32
    return bytes(fraction.tobytes())


def fractions_of_weights(shapes: list[tuple[int, ...]], some: list[Any]) -> list[Any]:
    """Of all variables together, as the linear models compute it."""
    from tensorflow_estimator.python.estimator.canned import linear

    with tf.Graph().as_default():
        variables = [
            v1.get_variable(f"weights_{number}", initializer=value.reshape(shape))
            for number, (shape, value) in enumerate(zip(shapes, some, strict=True))
        ]
        found = [linear._compute_fraction_of_zero(variables)]
        with tensorflows_own_fractions():
            found.append(linear._compute_fraction_of_zero([variables]))
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            return list(session.run(found))


def some_zeros(chance: np.random.Generator, size: int) -> Any:
    return np.maximum(chance.normal(size=size), 0).astype(np.float32)


def test_fractions_of_weights_are_tensorflows() -> None:
    """Rounded the same for sizes that no float holds the reciprocal of."""
    chance = np.random.default_rng(3)
    for _ in range(20):
        sizes = chance.integers(1, 3000, chance.integers(1, 4))
        values = [some_zeros(chance, size) for size in sizes]
        direct, own = fractions_of_weights([(size, 1) for size in sizes], values)
        assert bits(direct) == bits(own)
        assert 0 < direct < 1 or sizes.max() < 20


@pytest.mark.parametrize("sizes", [[0, 5], [0], [7, 0, 0, 3]])
def test_empty_variables_have_no_zeros(sizes: list[int]) -> None:
    values = [np.zeros(size, np.float32) for size in sizes]
    direct, own = fractions_of_weights([(size, 1) for size in sizes], values)
    np.testing.assert_array_equal(direct, 1 if any(sizes) else np.nan)
    np.testing.assert_array_equal(direct, own)


@pytest.mark.parametrize("batch", [None, 21])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_fractions_of_values_are_tensorflows(batch: int | None, dtype: Any) -> None:
    from tensorflow_estimator.python.estimator.canned import dnn

    given = some_zeros(np.random.default_rng(8), 21 * 9).reshape(21, 9)
    given[:3] = [[-0.0], [-3], [7]]
    with tf.Graph().as_default():
        values = v1.placeholder(dtype, [batch, 9])
        fractions = [dnn.tf.math.zero_fraction(values), tf.math.zero_fraction(values)]
        with v1.Session() as session:
            direct, own = session.run(fractions, {values: given})
            if batch is None:
                assert np.isnan(session.run(fractions, {values: given[:0]})).all()
    assert bits(direct) == bits(own)
    assert 0 < direct < 1


def model_fn_with_all_fractions() -> Callable[..., Any]:
    column = fc.categorical_column_with_identity("hour", 24)
    return tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=[column],
        dnn_feature_columns=[fc.numeric_column("size"), fc.embedding_column(column, 2)],
        dnn_hidden_units=[8, 4],
    ).model_fn


def input_fn() -> Any:
    chance = np.random.default_rng(1)
    features = {
        "hour": chance.integers(0, 20, (60, 1)),
        "size": chance.normal(size=(60, 1)).astype(np.float32),
    }
    labels = chance.integers(0, 2, (60, 1))
    return tf.data.Dataset.from_tensor_slices((features, labels)).batch(12).repeat()


def summaries(folder: pathlib.Path) -> dict[tuple[str, int], bytes]:
    """What a training writes, by tag and step, but for its speed."""
    estimator = tf_estimator.Estimator(
        model_fn_with_all_fractions(),
        config=tf_estimator.RunConfig(
            str(folder),
            tf_random_seed=1,
            save_summary_steps=5,
            # The order in which threads add up decides the last bit.
            session_config=v1.ConfigProto(
                intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
            ),
        ),
    )
    estimator.train(input_fn, steps=20)
    return {
        (value.tag, event.step): value.SerializeToString()
        for file in folder.glob("events.out.tfevents.*")
        for event in v1.train.summary_iterator(str(file))
        for value in event.summary.value
        if value.tag != "global_step/sec"
    }


def test_a_training_writes_the_same_summaries(tmp_path: pathlib.Path) -> None:
    direct = summaries(tmp_path / "direct")
    with tensorflows_own_fractions():
        own = summaries(tmp_path / "own")
    assert direct == own
    assert {
        *(f"dnn/{layer}/fraction_of_zero_values" for layer in ("hiddenlayer_0", "hiddenlayer_1")),
        *("dnn/logits/fraction_of_zero_values", "linear/fraction_of_zero_values"),
        "fraction_of_zero_weights",
    } == {tag for tag, _ in direct if "zero" in tag}


def test_a_model_has_no_branches_for_its_fractions() -> None:
    def branches() -> list[str]:
        with tf.Graph().as_default() as graph:
            features, labels = v1.data.make_one_shot_iterator(input_fn()).get_next()
            v1.train.create_global_step()
            model_fn_with_all_fractions()(features, labels, tf_estimator.ModeKeys.EVAL, None)
            functions = graph.as_graph_def().library.function
        return [f.signature.name for f in functions if "zero_fraction" in f.signature.name]

    assert not branches()
    with tensorflows_own_fractions():
        assert branches()
