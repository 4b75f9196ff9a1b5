"""From raw examples to a served model: weights, features that are made, labels of any kind."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts

from tfx_estimators.components import EstimatorTrainer, FeatureColumnTransform
from tfx_estimators.components.artifacts import FeatureColumns
from tfx_estimators.errors import DataError, FeatureNotFoundError, LabelError

HEADER = """
import tensorflow as tf
from tfx_estimators import estimator as tf_estimator
from tfx_estimators.estimator import columns as learned
fc = tf.feature_column
"""
ONE = "presence { min_fraction: 1 } shape { dim { size: 1 } }"
SCHEMA = f"""
feature {{ name: "x" type: FLOAT {ONE} }}
feature {{ name: "w" type: FLOAT {ONE} }}
feature {{ name: "tags" type: BYTES {ONE} }}
"""


@pytest.fixture
def fit(
    tmp_path: pathlib.Path, execute: Any, channel: Any, make_examples: Any, example: Any
) -> Callable[..., str]:
    """`fit(code, rows)`: transforms and trains; the folder of the SavedModel."""
    done: dict[str, Any] = {}

    def transform(module: str, rows: list[dict[str, Any]], schema: str) -> None:
        split = [example(**row) for row in rows]
        examples = make_examples(tmp_path / "examples", {"train": split, "eval": split})
        written = standard_artifacts.Schema()
        written.uri = str(tmp_path / "schema")
        (tmp_path / "schema").mkdir()
        (tmp_path / "schema" / "schema.pbtxt").write_text(schema)
        component = FeatureColumnTransform(
            examples=channel(standard_artifacts.Examples),
            schema=channel(standard_artifacts.Schema),
            module_file=module,
            label_key="y",
        )
        done.update(execute(component, {"examples": examples, "schema": written}))
        done["transformed_examples"].split_names = artifact_utils.encode_split_names(
            ["train", "eval"]
        )

    def run(code: str, rows: list[dict[str, Any]], schema: str = "", steps: int = 20) -> str:
        number = len(list(tmp_path.glob("model_*.py")))
        module = tmp_path / f"model_{number}_{abs(hash(code))}.py"
        module.write_text(HEADER + code)
        if not done:
            named = {line.split('"')[1] for line in schema.splitlines() if line}
            kept = [f for f in SCHEMA.splitlines() if f and f.split('"')[1] not in named]
            transform(str(module), rows, "\n".join([*kept, schema]))
        trainer = EstimatorTrainer(
            examples=channel(standard_artifacts.Examples),
            transform_graph=channel(standard_artifacts.TransformGraph),
            feature_columns=channel(FeatureColumns),
            module_file=str(module),
            train_args=trainer_pb2.TrainArgs(num_steps=steps),
            custom_config={"seed": 1, "batch_size": 32},
        )
        inputs = {
            "examples": done["transformed_examples"],
            "transform_graph": done["transform_graph"],
            "feature_columns": done["feature_columns"],
        }
        return str(execute(trainer, inputs)["model"].uri) + "/Format-Serving"

    return run


def serve(model: str, records: list[bytes]) -> dict[str, Any]:
    predict = tf.saved_model.load(model).signatures["predict"]
    return {k: v.numpy() for k, v in predict(examples=tf.constant(records)).items()}


def rows(**of: Callable[[int], Any]) -> list[dict[str, Any]]:
    """60 examples; the two thirds that have no weight say the contrary of the others."""
    made = []
    for i in range(60):
        x = float(i % 2)
        w = float(i % 3 == 0)
        row = {"x": x, "w": w, "tags": "|".join("abc"[: 1 + i // 6 % 3]), "y": int(x == w)}
        made.append({**row, **{name: value(i) for name, value in of.items()}})
    return made


MADE = """
def preprocessing_fn(inputs):
    tags = tf.reshape(inputs["tags"], [-1])
    count = tf.strings.split(tags, "|").row_lengths()
    return {
        "tag_count": tf.cast(count, tf.float32)[:, tf.newaxis],
        "importance": 2 * inputs["w"],
    }

def feature_columns():
    return [
        fc.numeric_column("x"),
        fc.numeric_column("tag_count", normalizer_fn=tf.negative),
        fc.bucketized_column(fc.numeric_column("tag_count"), [1.5, 2.5]),
    ]
"""


@pytest.mark.stacks
def test_weights_and_made_features_reach_the_model_and_serving_needs_no_weight(
    fit: Any, example: Any
) -> None:
    model = fit(
        MADE + '''
WEIGHT = "w"

def estimator_fn(columns, config, params):
    return tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=columns, dnn_feature_columns=columns, dnn_hidden_units=[4],
        weight_column=WEIGHT, config=config, linear_optimizer="SGD",
        dnn_optimizer=lambda: tf.keras.optimizers.legacy.Adam(0.05))
''',
        rows(),
        'feature { name: "y" type: INT presence { min_count: 1 } }',
        steps=150,
    )  # fmt: skip
    unweighted = [example(x=float(x), tags=tags) for x in (0, 1) for tags in ("a", "a|b|c")]
    answered = serve(model, unweighted)["class_ids"][:, 0]
    np.testing.assert_array_equal(answered, [0, 0, 1, 1])  # Without weights: the contrary.

    # What the model_fn reads while it trains only, serving does not need; the rest it does.
    model = fit(
        MADE + '''
def estimator_fn(columns, config, params):
    def model_fn(features, labels, mode):
        slope = tf.compat.v1.get_variable("slope", [], initializer=tf.ones_initializer())
        logits = features["tag_count"] * slope
        if mode != tf_estimator.ModeKeys.PREDICT:
            logits = logits + 0 * features["importance"]
        return tf_estimator.BinaryClassHead(weight_column="importance").create_estimator_spec(
            features=features, mode=mode, logits=logits, labels=labels,
            train_op_fn=lambda loss: tf.compat.v1.assign_add(
                tf.compat.v1.train.get_global_step(), 1))
    return tf_estimator.Estimator(model_fn, config=config)
''',
        [],
        steps=1,
    )  # fmt: skip
    answered = serve(model, [example(x=0.0, tags="a|b|c"), example(x=0.0, tags="a")])
    np.testing.assert_array_equal(answered["logits"][:, 0], [3.0, 1.0])

    with pytest.raises(FeatureNotFoundError, match=r"reads the feature 'v'.*(?s:.*)weight_column"):
        fit(
            MADE + '''
def estimator_fn(columns, config, params):
    return tf_estimator.LinearClassifier(
        feature_columns=columns, weight_column="v", config=config)
''',
            [],
        )  # fmt: skip


COLUMNS = """
def feature_columns():
    return [fc.numeric_column("x")]

def estimator_fn(columns, config, params):
"""


@pytest.mark.stacks
def test_a_label_of_two_numbers(fit: Any, example: Any) -> None:
    shape = "presence { min_fraction: 1 } shape { dim { size: 2 } }"
    model = fit(
        COLUMNS + '''
    return tf_estimator.LinearRegressor(columns, label_dimension=2, config=config,
        optimizer=lambda: tf.keras.optimizers.legacy.SGD(0.2))
''',
        rows(y=lambda i: [float(i % 2), 3.0 - 2 * (i % 2)]),
        f'feature {{ name: "y" type: FLOAT {shape} }}',
        steps=200,
    )  # fmt: skip
    served = serve(model, [example(x=0.0), example(x=1.0)])
    np.testing.assert_allclose(served["predictions"], [[0, 3], [1, 1]], atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("vector", [False, True])
def test_several_classes_an_example(fit: Any, example: Any, vector: bool) -> None:
    code = """
    return tf_estimator.DNNEstimator(tf_estimator.MultiLabelHead(3), [8], columns, config=config,
        optimizer=lambda: tf.keras.optimizers.legacy.Adam(0.1))
"""
    classes = [[0, 2], [1]]
    if vector:
        count, label = "value_count { min: 3 max: 3 }", [[1, 0, 1], [0, 1, 0]]
    else:
        count, label = "value_count { min: 1 }", classes
    model = fit(
        COLUMNS + code,
        rows(y=lambda i: label[i % 2]),
        f'feature {{ name: "y" type: INT presence {{ min_count: 1 }} {count} }}',
        steps=100,
    )  # fmt: skip
    served = serve(model, [example(x=0.0), example(x=1.0)])["probabilities"]
    np.testing.assert_array_equal(served > 0.5, [[True, False, True], [False, True, False]])


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [
        "LinearClassifier(columns, config=config)",
        "LinearClassifier(columns, n_classes=3, config=config)",
        "LinearRegressor(columns, config=config)",
    ],
)
def test_a_string_label_that_needs_a_vocabulary(fit: Any, estimator: str) -> None:
    with pytest.raises(LabelError, match=r"(?s)'y' is a string.*label_vocabulary=") as raised:
        fit(
            COLUMNS + f"    return tf_estimator.{estimator}\n",
            rows(y=lambda i: "ab"[i % 2]),
            'feature { name: "y" type: BYTES presence { min_count: 1 } }',
            steps=1,
        )
    assert raised.value.__suppress_context__
    assert len(str(raised.value).splitlines()) == 3


def test_a_vector_is_not_taken_for_classes(fit: Any) -> None:
    with pytest.raises(LabelError, match="has a value twice in an example"):
        fit(
            COLUMNS + "    ...\n",
            rows(y=lambda i: [i % 2, 1, 0]),
            'feature { name: "y" type: INT presence { min_count: 1 } value_count { min: 1 } }',
        )


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["w", "y"])
def test_a_weight_or_a_label_that_one_example_lacks(fit: Any, missing: str) -> None:
    made = rows()
    del made[33][missing]
    with pytest.raises(DataError, match=f"{missing} has not exactly one value in every example"):
        fit(
            COLUMNS + '    return tf_estimator.LinearClassifier(columns, weight_column="w")\n',
            made,
            'feature { name: "y" type: INT presence { min_count: 1 } }\n'
            'feature { name: "w" type: FLOAT presence { min_count: 1 } }',
        )
