"""What a training takes over from a base model whose columns had learned other things."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.trainer.contracts.row_record import write_rows
from tfx_estimators.components.trainer.contracts.warm_start import warm_started
from tfx_estimators.components.trainer.session.export import export_for_serving
from tfx_estimators.errors import TrainingError
from tfx_estimators.estimator import columns as learned
from tfx_estimators.estimator.columns.rows import rows_of

fc = tf.feature_column


@dataclasses.dataclass(frozen=True)
class Day:
    """A day's data: what the columns learned from it, and how they were written."""

    shops: list[str] = dataclasses.field(default_factory=lambda: ["acme", "bolt", "corp"])
    boundaries: list[float] = dataclasses.field(default_factory=lambda: [0.0, 10.0])
    hours: int = 4
    extra: Any = ()
    model_fn: Any = None
    classes: Any = None

    def nest(self) -> Any:
        shop = learned.categorical_column_with_learned_vocabulary("shop", num_oov_buckets=1)
        hour = fc.categorical_column_with_identity("hour", self.hours)
        miles = fc.bucketized_column(fc.numeric_column("miles"), self.boundaries)
        return {
            "linear": [shop, hour, miles, *self.extra],
            "dnn": [
                fc.indicator_column(shop), fc.embedding_column(hour, 2), miles,
                fc.numeric_column("x"), fc.embedding_column(shop, 3),
            ],
        }  # fmt: skip

    def row(self, shop: str, miles: float, hour: int, x: float = 1.0) -> list[Any]:
        """A transformed example of one."""
        known = shop in self.shops
        return [
            self.shops.index(shop) if known else len(self.shops),
            int(np.searchsorted(self.boundaries, miles, side="right")),
            hour,
            x,
        ]


@pytest.fixture
def train(tmp_path: pathlib.Path) -> Callable[..., Any]:
    """`train(name, day, base)`: an estimator after some steps, and its exported model."""

    def run(name: str, day: Day, base: str | None = None, steps: int = 20) -> tuple[Any, str]:
        folder = tmp_path / name
        folder.mkdir()
        words = folder / "words"
        words.write_text("".join(f"{shop}\n" for shop in day.shops))
        plan = learned.compile_columns(day.nest)
        facts = {"shop": {"vocabulary_size": len(day.shops)}}
        columns = plan.model_columns(facts)
        rows = rows_of(plan, columns, facts, lambda name: str(words))
        config = tf_estimator.RunConfig(model_dir=str(folder / "run"), tf_random_seed=3)
        if day.classes is not None:
            estimator = tf_estimator.LinearClassifier(
                columns["linear"], config=config, n_classes=3, label_vocabulary=day.classes
            )
        elif day.model_fn is not None:
            estimator = tf_estimator.Estimator(day.model_fn, config=config)
        else:
            estimator = tf_estimator.DNNLinearCombinedRegressor(
                linear_feature_columns=columns["linear"],
                dnn_feature_columns=columns["dnn"],
                dnn_hidden_units=[4],
                config=config,
            )
        if base is not None:
            estimator = warm_started(estimator, base, rows)
        examples = [
            day.row(shop, miles, hour, x)
            for shop, miles, hour, x in zip(
                [*day.shops, "other"] * 3,
                [-1.0, 3.0, 7.0, 12.0] * 3,
                [0, 1, 2, 3] * 3,
                np.linspace(-1, 1, 12),
                strict=False,
            )
        ]
        labels: Any = [[float(n % 5)] for n in range(len(examples))]
        if day.classes is not None:
            labels = [[day.classes[n % 3]] for n in range(len(examples))]
        estimator.train(
            lambda: tf.data.Dataset.from_tensors((features(examples), labels)).repeat(),
            steps=steps,
        )

        def receiver_fn() -> Any:
            made = {
                key: tf.compat.v1.sparse_placeholder(tf.int64, [None, None])
                for key in ("shop", "hour", "hashed")
            }
            made["miles_bucketized"] = tf.compat.v1.placeholder(tf.int64, [None, 1])
            made["x"] = tf.compat.v1.placeholder(tf.float32, [None, 1])
            return tf_estimator.export.ServingInputReceiver(made, dict(made))

        model = folder / "model"
        export_for_serving(estimator, receiver_fn, str(model))
        write_rows(str(model), rows)
        return estimator, str(model)

    return run


def features(examples: list[list[Any]]) -> dict[str, Any]:
    shop, miles, hour, x = (np.array(part) for part in zip(*examples, strict=True))

    def sparse(ids: Any) -> Any:
        indices = [[row, 0] for row in range(len(ids))]
        return tf.SparseTensor(indices, tf.constant(ids, tf.int64), [len(ids), 1])

    return {
        "shop": sparse(shop),
        "hour": sparse(hour),
        "hashed": sparse(shop),
        "miles_bucketized": tf.constant(miles[:, None], tf.int64),
        "x": tf.constant(x[:, None], tf.float32),
    }


def predicted(estimator: Any, day: Day, raw: list[Any], checkpoint: str | None = None) -> Any:
    def input_fn() -> Any:
        return tf.data.Dataset.from_tensors(features([day.row(*row) for row in raw]))

    found = estimator.predict(input_fn, checkpoint_path=checkpoint)
    return np.array([row["predictions"][0] for row in found])


@pytest.mark.stacks
def test_values_keep_what_was_learned_of_them(
    train: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Day()
    after = Day(shops=["corp", "dash", "acme", "erie"], boundaries=[0.0, 5.0, 10.0], hours=6)
    base, model = train("before", before)
    warm, _ = train("after", after, model, steps=1)
    known = [
        (shop, miles, hour)
        for shop in ("acme", "corp", "unheard of")
        for miles in (-1.0, 3.0, 7.0, 12.0)
        for hour in range(4)
    ]
    expected = predicted(base, before, known)
    assert expected.std() > 0.1
    start = str(tmp_path / "after" / "run" / "model.ckpt-0")
    np.testing.assert_allclose(predicted(warm, after, known, start), expected, atol=1e-5)

    begun = tf.train.load_checkpoint(start)
    (name,) = [
        n for n in begun.get_variable_to_shape_map() if n.endswith("linear_model/shop/weights")
    ]
    np.testing.assert_array_equal(begun.get_tensor(name)[[1, 3]], 0.0)  # dash, erie
    (name,) = [
        n
        for n in begun.get_variable_to_shape_map()
        if n.endswith("shop_embedding/embedding_weights")
    ]
    assert len(np.unique(begun.get_tensor(name))) == 15
    said = capsys.readouterr().err
    assert "base model: shop: 3 of 5 rows are carried over, 2 start fresh" in said
    assert "base model: hour: 4 of 6 rows are carried over, 2 start fresh" in said
    assert "base model: miles_bucketized: 4 of 4 rows are carried over" in said


@pytest.mark.slow
def test_a_bucket_that_straddles_old_ones_starts_fresh(
    train: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, model = train("before", Day())
    train("after", Day(boundaries=[0.0, 20.0]), model, steps=1)
    assert (
        "miles_bucketized: 2 of 3 rows are carried over, 1 start fresh" in capsys.readouterr().err
    )
    begun = tf.train.load_checkpoint(str(tmp_path / "after" / "run" / "model.ckpt-0"))
    first = tf.train.load_checkpoint(f"{model}/variables/variables")
    name = "linear/linear_model/miles_bucketized/weights"
    np.testing.assert_array_equal(
        begun.get_tensor(name), first.get_tensor(name) * [[1.0], [0.0], [1.0]]
    )


@pytest.mark.slow
def test_what_cannot_be_told_apart_is_refused(train: Any, tmp_path: pathlib.Path) -> None:
    _, model = train("before", Day())
    (pathlib.Path(model) / "assets.extra/tfx_estimators_rows.json").rename(tmp_path / "record")
    with pytest.raises(TrainingError, match="does not say what the rows of its weights stand for"):
        train("unknown", Day(), model)
    (tmp_path / "record").rename(pathlib.Path(model) / "assets.extra/tfx_estimators_rows.json")

    def own(features: Any, labels: Any, mode: Any) -> Any:
        shop = tf.one_hot(tf.sparse.to_dense(features["shop"])[:, 0], 4)
        weight = tf.compat.v1.get_variable("own", [4, 1])
        output = tf.matmul(shop, weight)
        if mode == tf_estimator.ModeKeys.PREDICT:
            return tf_estimator.EstimatorSpec(mode, {"predictions": output})
        loss = tf.reduce_mean(tf.square(output - tf.cast(labels, tf.float32)))
        step = tf.compat.v1.train.get_global_step()
        train_op = tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(loss, step)
        return tf_estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    _, model = train("own", Day(model_fn=own))
    train("same", Day(model_fn=own), model)
    other = Day(shops=["corp", "bolt", "acme"], model_fn=own)
    with pytest.raises(TrainingError, match=r"'shop' have different ids .* rows of own stand"):
        train("other", other, model)


@pytest.mark.slow
def test_ids_of_a_hash_of_another_size_are_refused(train: Any) -> None:
    def day(size: int, shops: list[str]) -> Day:
        return Day(shops, extra=[fc.categorical_column_with_hash_bucket("hashed", size)])

    _, model = train("before", day(9, ["acme", "bolt"]))
    train("same", day(9, ["bolt", "acme"]), model, steps=1)
    with pytest.raises(TrainingError, match="column 'hashed' computes different values"):
        train("after", day(8, ["acme", "bolt"]), model)


@pytest.mark.slow
def test_other_classes_are_refused(train: Any) -> None:
    _, model = train("before", Day(classes=["late", "never", "on time"]))
    train("same", Day(classes=["late", "never", "on time"]), model, steps=1)
    with pytest.raises(TrainingError, match="never, late, on time, but those of the base model"):
        train("after", Day(classes=["never", "late", "on time"]), model)
