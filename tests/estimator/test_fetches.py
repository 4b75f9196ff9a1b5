"""A session's runs, whose fetches are worked out once for each form."""

from __future__ import annotations

import gc
import pathlib
import weakref
from collections import OrderedDict
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator

v1 = tf.compat.v1
fc = tf.feature_column

pytestmark = [
    pytest.mark.stacks,
    pytest.mark.skipif(
        hasattr(tf, "estimator"), reason="TensorFlow's own estimators run as they always did"
    ),
]


class Pair(NamedTuple):
    """Fetches of a kind of their own."""

    first: Any
    second: Any


@pytest.fixture(autouse=True)
def activated() -> None:
    """What a step does before it runs."""
    tf_estimator.activate()


@pytest.fixture
def made() -> Any:
    """Counts how often TensorFlow takes fetches apart."""
    from tensorflow.python.client import session

    kind = session._FetchHandler.__wrapped__
    with mock.patch.object(kind, "__init__", autospec=True, side_effect=kind.__init__) as counted:
        yield counted


def test_a_training_takes_its_fetches_apart_a_few_times(made: Any, tmp_path: pathlib.Path) -> None:
    """Not once a step."""
    estimator = tf_estimator.LinearClassifier([fc.numeric_column("x")], model_dir=str(tmp_path))

    def input_fn() -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors(({"x": [[1.0], [2.0]]}, [[0], [1]])).repeat()

    estimator.train(input_fn, steps=200)
    assert 0 < made.call_count < 50
    taken_apart = made.call_count
    assert estimator.evaluate(input_fn, steps=100)["global_step"] == 200
    assert made.call_count - taken_apart < 50


def test_every_form_gets_its_own_values_again_and_again() -> None:
    """Nested, named, repeated and mixed fetches of the same tensors."""
    with tf.Graph().as_default():
        one, two = tf.constant(1, name="one"), tf.constant(2, name="two")
        variable = v1.get_variable("three", initializer=3, use_resource=True)
        nothing = tf.no_op()
        sparse = tf.sparse.from_dense([[0, 4]])
        forms: list[tuple[Any, Any]] = [
            (one, 1),
            ([one, two], [1, 2]),
            ([two, one], [2, 1]),
            ((one, two), (1, 2)),
            ([one, one], [1, 1]),
            ({"a": one, "b": two}, {"a": 1, "b": 2}),
            ({"b": one, "a": two}, {"b": 1, "a": 2}),
            ({"a": [one, {"b": nothing}], 7: (two,)}, {"a": [1, {"b": None}], 7: (2,)}),
            (OrderedDict(z=one, y=two), OrderedDict(z=1, y=2)),
            (Pair(two, [one]), Pair(2, [1])),
            (["two:0", one], [2, 1]),
            (["one", two], [None, 2]),
            (variable, 3),
            ([variable, nothing], [3, None]),
            ([], []),
            ({}, {}),
        ]
        with v1.Session() as session:
            session.run(variable.initializer)
            for _ in range(3):
                for fetches, expected in forms:
                    found = session.run(fetches)
                    assert found == expected
                    assert type(found) is type(expected) or not isinstance(expected, list | dict)
                assert session.run({"sparse": sparse})["sparse"].values.tolist() == [4]


def test_what_is_fed_is_what_this_run_fed() -> None:
    """Also where the same tensors were fetched without."""
    with tf.Graph().as_default():
        fed = v1.placeholder_with_default(1, [])
        twice = fed * 2
        with v1.Session() as session:
            for value in (5, 6, 7):
                assert session.run([fed, twice]) == [1, 2]
                assert session.run([fed, twice], {fed: value}) == [value, 2 * value]


def test_fetches_that_the_caller_changes_later_are_others() -> None:
    """A hook may keep one dict for all its runs."""
    with tf.Graph().as_default(), v1.Session() as session:
        one, two = tf.constant(1), tf.constant(2)
        fetches = {"one": one}
        assert session.run(fetches) == {"one": 1}
        fetches["two"] = two
        assert session.run(fetches) == {"one": 1, "two": 2}
        del fetches["one"]
        assert session.run(fetches) == {"two": 2}
        assert session.run({"one": one}) == {"one": 1}


def test_tensors_that_come_and_go_are_never_taken_for_one_another() -> None:
    """Python gives the numbers of objects again that are gone."""
    with tf.Graph().as_default(), v1.Session() as session:
        for number in range(300):
            assert session.run({"value": tf.constant(number)}) == {"value": number}


def test_a_graph_is_freed_with_what_it_remembers() -> None:
    """Many trainings in one process must not pile up."""
    graph = tf.Graph()
    with graph.as_default(), v1.Session() as session:
        session.run([tf.constant(1)])
    gone = weakref.ref(graph)
    del graph, session
    gc.collect()
    assert gone() is None


def test_two_graphs_share_nothing() -> None:
    """Names are equal in both."""
    graphs = [tf.Graph(), tf.Graph()]
    for value, graph in enumerate(graphs):
        with graph.as_default():
            tf.constant(value, name="value")
    for _ in range(2):
        for value, graph in enumerate(graphs):
            with v1.Session(graph=graph) as session:
                assert session.run("value:0") == value


def test_errors_are_tensorflows() -> None:
    """In the first run and in later ones."""
    with tf.Graph().as_default() as graph, v1.Session() as session:
        wrong = tf.debugging.check_numerics(v1.placeholder_with_default(np.nan, []), "no number")
        for _ in range(3):
            with pytest.raises(tf.errors.InvalidArgumentError, match="no number") as raised:
                session.run({"wrong": [wrong]})
            assert "Original stack trace" in str(raised.value)
            with pytest.raises(TypeError, match="None"):
                session.run({"wrong": None})
            with pytest.raises(ValueError, match="nowhere:0"):
                session.run(["nowhere:0"])
    with tf.Graph().as_default():
        elsewhere = tf.constant(1)
    with v1.Session(graph=graph) as session, pytest.raises(ValueError, match="not an element"):
        session.run([elsewhere])
