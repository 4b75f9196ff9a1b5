"""Graphs that say the same are the same, and go on saying it."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfx_estimators.components.saved_graph import content_digest, normalize

pytestmark = pytest.mark.stacks


class Lookup(tf.Module):  # type: ignore[misc]
    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = tf.saved_model.Asset(file)
        initializer = tf.lookup.TextFileInitializer(
            self.file,
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        )
        self.table = tf.lookup.StaticHashTable(initializer, -1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def find(self, words: tf.Tensor) -> tf.Tensor:
        return self.table.lookup(words) * self.twice(tf.constant(1, tf.int64))

    @tf.function
    def twice(self, number: tf.Tensor) -> tf.Tensor:
        return number * 2


def save(folder: pathlib.Path, words: str) -> bytes:
    folder.mkdir(parents=True)
    (folder / "words").write_text(words)
    module = Lookup(str(folder / "words"))
    tf.saved_model.save(module, str(folder / "model"), {"find": module.find})
    return (folder / "model/saved_model.pb").read_bytes()


def noise(count: int) -> None:
    """Traces functions, so that those to come have other numbers."""

    @tf.function
    def other(number: Any) -> Any:
        return number + 1

    for size in range(count):
        other(tf.zeros([size + 1]))


def test_the_same_graph_made_elsewhere_and_later_has_the_same_digest(
    tmp_path: pathlib.Path,
) -> None:
    one = save(tmp_path / "one", "a\nb\n")
    noise(60)
    two = save(tmp_path / "two/deeper", "a\nb\n")
    assert one != two
    assert content_digest(one) == content_digest(two)
    assert content_digest(b"no graph") != content_digest(b"another")


def test_a_graph_computes_what_it_did(tmp_path: pathlib.Path) -> None:
    """Of both kinds in one process: their tables must not be taken for one another."""
    answers = []
    for name, words in (("one", "a\nb\n"), ("two", "b\na\n")):
        serialized = save(tmp_path / name, words)
        proto = saved_model_pb2.SavedModel.FromString(serialized)
        normalize(proto, {"words": words})
        (tmp_path / name / "model/saved_model.pb").write_bytes(proto.SerializeToString())
        loaded = tf.saved_model.load(str(tmp_path / name / "model"))
        found = loaded.signatures["find"](tf.constant(["a", "b", "c"]))
        answers.append(next(iter(found.values())).numpy().tolist())
    assert answers == [[0, 2, -2], [2, 0, -2]]
