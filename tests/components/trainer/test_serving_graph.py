"""What is left of an exported graph, and that it answers as before."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tf_examples import make_example

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.feature_tensors import find_feature_tensors
from tfx_estimators.components.trainer.checkpoints.finished_model import finish_model
from tfx_estimators.components.trainer.checkpoints.serving_graph import EXPORT_NOTE
from tfx_estimators.components.trainer.session.export import export_for_serving

WORDS = {"one": ["a", "b", "c"], "other": ["c", "b", "a"]}
EXAMPLES = [{"x": float(i), "word": word} for i, word in enumerate("abcd")]

pytestmark = pytest.mark.stacks


@pytest.fixture
def exports(tmp_path: pathlib.Path) -> dict[str, pathlib.Path]:
    """Two models, with vocabularies of one file name in two folders, as they were exported."""
    made = {}
    for name, words in WORDS.items():
        folder = tmp_path / name
        vocabulary = folder / "secret-project" / "words.txt"
        vocabulary.parent.mkdir(parents=True)
        vocabulary.write_text("\n".join(words) + "\n")
        column = tf.feature_column.categorical_column_with_vocabulary_file(
            "word", str(vocabulary), vocabulary_size=3
        )
        estimator = tf_estimator.DNNLinearCombinedClassifier(
            linear_feature_columns=[column],
            dnn_feature_columns=[
                tf.feature_column.numeric_column("x"),
                tf.feature_column.indicator_column(column),
            ],
            dnn_hidden_units=[4],
            config=tf_estimator.RunConfig(tf_random_seed=4),
        )

        def batches() -> Any:
            features = {"x": [[1.0], [2.0]], "word": [["a"], ["b"]]}
            return tf.data.Dataset.from_tensors((features, [[0], [1]])).repeat()

        estimator.train(batches, steps=20)
        spec = {
            "x": tf.io.FixedLenFeature([1], tf.float32),
            "word": tf.io.FixedLenFeature([1], tf.string),
            "unused": tf.io.FixedLenFeature([1], tf.float32, [0.0]),
        }
        receiver = tf_estimator.export.build_parsing_serving_input_receiver_fn(spec)
        made[name] = folder / "model"
        export_for_serving(estimator, receiver, str(made[name]))
    return made


def read(folder: pathlib.Path) -> Any:
    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    (graph,) = model.meta_graphs
    return graph


def ask(folder: pathlib.Path) -> dict[str, Any]:
    made = [make_example(**row) for row in EXAMPLES]
    answers = {}
    for name, signature in tf.saved_model.load(str(folder)).signatures.items():
        (key,) = signature.structured_input_signature[1]
        for output, value in signature(**{key: tf.constant(made)}).items():
            answers[f"{name} {output}"] = value.numpy()
    return answers


def nodes_of(graph: Any) -> Iterator[Any]:
    yield from graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield from function.node_def


def test_a_cleaned_graph_serves_and_holds_nothing_else(exports: dict[str, pathlib.Path]) -> None:
    before = {name: ask(folder) for name, folder in exports.items()}
    assert any((before["one"][key] != before["other"][key]).any() for key in before["one"])
    dirty = read(exports["one"])
    assert {"ScalarSummary", "HistogramSummary"} <= {node.op for node in nodes_of(dirty)}
    # As TF Transform's layer leaves it.
    model = saved_model_pb2.SavedModel(saved_model_schema_version=1, meta_graphs=[dirty])
    initializers = [*model.meta_graphs[0].collection_def["table_initializer"].node_list.value]
    assert initializers
    model.meta_graphs[0].collection_def["table_initializer"].node_list.value[:] = [
        f"{name}:0" for name in initializers
    ]
    (exports["one"] / "saved_model.pb").write_bytes(model.SerializeToString())
    for folder in exports.values():
        finish_model(str(folder))

    graph = read(exports["one"])
    names = {node.name for node in graph.graph_def.node}
    left = list(graph.collection_def["table_initializer"].node_list.value)
    # The Java API runs it without the assets, after the main operation.
    assert left == ["tables_are_initialized_by_main_op"]
    assert {*left, *initializers} <= names
    operations = {node.op for node in nodes_of(graph)}
    assert not [name for name in operations if "Summary" in name or name in ("If", "StatelessIf")]
    assert "summaries" not in graph.collection_def
    for file in exports["one"].rglob("*"):
        if file.is_file():
            assert b"secret-project" not in file.read_bytes(), file
            assert str(exports["one"].parent).encode() not in file.read_bytes(), file
    assert set(find_feature_tensors(str(exports["one"]))) == {"x", "word", "unused"}
    for tensor in find_feature_tensors(str(exports["one"])).values():
        assert tensor.values.partition(":")[0] in names, "the evaluator reads it"
    note = json.loads((exports["one"] / EXPORT_NOTE).read_text())
    assert note["tensorflow"] == tf.version.VERSION.replace("-", "")
    assert {"format", "python", "tensorflow-estimator"} <= set(note)

    # Both in this process, which shares tables of one name.
    for name, folder in exports.items():
        after = ask(folder)
        assert set(after) == set(before[name])
        for key, value in after.items():
            np.testing.assert_array_equal(value, before[name][key], err_msg=key)
    cleaned = (exports["one"] / "saved_model.pb").read_bytes()
    finish_model(str(exports["one"]))
    assert (exports["one"] / "saved_model.pb").read_bytes() == cleaned
    assert not list(exports["one"].glob("*.tmp"))


def test_a_graph_of_tensorflow_2_is_left_as_it_is(tmp_path: pathlib.Path) -> None:
    model = tf.Module()
    model.f = tf.function(lambda x: x + 1, input_signature=[tf.TensorSpec([None])])
    tf.saved_model.save(model, str(tmp_path), signatures={"serving_default": model.f})
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.pb")}
    finish_model(str(tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.pb")} == before
    assert (tmp_path / EXPORT_NOTE).exists()
