"""Columns of any name: no two share a vocabulary, a file or a variable."""

from __future__ import annotations

import pathlib
import runpy
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator.columns import load_model_columns
from tfx_estimators.estimator.columns.names import file_name, scope_name

pytestmark = pytest.mark.stacks

# Alike once what file names or scopes do not take is replaced, be it by us, by TF Transform
# or by TensorFlow.
ALIKE = [
    ["device/os", "device_os", "device os", "device:os"],
    ["年齢", "性別"],
    ["a.b", "a_b", "a-b", "a--b", " a.b", "a.b "],
    ["é", "e\u0301"],
    ["n" * 300 + "1", "n" * 300 + "2"],
]
NAMES = [name for names in ALIKE for name in names]


def test_names_stay_different_and_plain_ones_stay() -> None:
    for derive in (file_name, scope_name):
        once = {name: derive(name) for name in NAMES}
        # Nobody can name a column after what another one's name becomes.
        twice = {name: derive(made) for name, made in once.items() if made != name}
        assert len({*once.values(), *twice.values()}) == len(once) + len(twice)
        assert derive("device_os") == "device_os"
    assert scope_name("a.b") == "a.b"
    assert file_name("device/os").startswith("device_os-")
    assert all(len(file_name(name)) < 200 for name in NAMES)


def test_each_column_has_its_own_vocabulary_and_its_own_weights(
    transform: Any, transformed: Any, make_examples: Any, example: Any, tmp_path: pathlib.Path
) -> None:
    names = ["device/os", "device_os", "年齢", "性別", "a.b", "a_b"]
    rows = []
    for i in range(24):
        values = {name: f"{name} {i % (2 + n)}" for n, name in enumerate(names)}
        rows.append(example(**{"y": i % 2, "trip miles": float(i), **values}))
    schema = "".join(
        f'feature {{ name: "{name}" type: {kind} presence {{ min_count: 1 }} }}\n'
        for name, kind in [("y", "INT"), ("trip miles", "FLOAT"), *((n, "BYTES") for n in names)]
    )
    code = f"""[
        *[columns.categorical_column_with_learned_vocabulary(name) for name in {names}],
        fc.numeric_column("trip miles"),
        fc.bucketized_column(fc.numeric_column("trip miles"), [3.0, 9.0]),
    ]"""
    data = make_examples(tmp_path / "examples", {"train": rows, "eval": rows})
    outputs = transform(data, code, schema=schema, label_key="y")

    made = transformed(outputs)
    for n, name in enumerate(names):
        assert {tuple(row[name]) for row in made} == {(i,) for i in range(2 + n)}, name
    graph = tft.TFTransformOutput(outputs["transform_graph"].uri)
    assert set(graph.vocabulary_by_name("vocabulary_device_os")) == {
        b"device_os 0", b"device_os 1", b"device_os 2"
    }  # fmt: skip

    module = runpy.run_path(outputs["module"])
    every = load_model_columns(
        module["feature_columns"], f"{outputs['feature_columns'].uri}/columns.json"
    )
    spec = graph.transformed_feature_spec()
    files = sorted(map(str, pathlib.Path(outputs["transformed_examples"].uri).glob("*train/*")))
    records = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())

    def input_fn() -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors(tf.io.parse_example(records, spec)).map(
            lambda features: (features, features.pop("y"))
        )

    deep = [tf.feature_column.indicator_column(c) for c in every[: len(names)]]
    trained = tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=every,
        dnn_feature_columns=[*deep, *every[len(names) :]],
        dnn_hidden_units=[2],
        model_dir=str(tmp_path / "model"),
    )
    trained.train(input_fn, steps=1)
    rows_by_name = {
        name: trained.get_variable_value(name).shape[0]
        for name in trained.get_variable_names()
        if name.endswith("/weights")
    }
    assert len(rows_by_name) == len(every)
    assert sorted(rows_by_name.values()) == [1, 2, 3, 3, 4, 5, 6, 7]


def test_a_vocabulary_of_the_users_own_does_not_replace_a_columns(
    transform: Any, examples: Any
) -> None:
    rest = """
    import tensorflow_transform as tft

    def preprocessing_fn(inputs):
        tft.vocabulary(tf.sparse.to_dense(inputs["color"]), vocab_filename="vocabulary_color")
        return {}
    """
    column = 'columns.categorical_column_with_learned_vocabulary("color")'
    with pytest.raises(ColumnError, match=r"both write a vocabulary to 'vocabulary_color'"):
        transform(examples, f"[{column}]", rest)
