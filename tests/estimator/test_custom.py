"""Model functions of one's own: modes, hooks, scaffolds, early stopping, warm start."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import custom
import numpy as np
import pytest
import small_data
import tensorflow as tf

DATA = pathlib.Path(__file__).parents[1] / "testdata" / "estimator"
FIGURES = json.loads((DATA / "figures.json").read_text())["figures"]["custom"]
v1 = tf.compat.v1

pytestmark = [
    pytest.mark.usefixtures("activated"),
    pytest.mark.conformance("custom"),
]


@pytest.mark.stacks
def test_metrics_are_those_of_tensorflow_2_15(differs: Callable[..., float]) -> None:
    found = custom.figures()
    assert set(found) == set(FIGURES)
    for name, metrics in found.items():
        assert differs(metrics, FIGURES[name]) <= 1e-5


@pytest.mark.stacks
def test_three_modes_and_what_each_of_them_may_set(tmp_path: pathlib.Path) -> None:
    events: list[str] = []

    class Hook(v1.train.SessionRunHook):
        def __init__(self, name: str) -> None:
            self.name = name

        def begin(self) -> None:
            events.append(f"{self.name} begins")

        def before_run(self, context: Any) -> Any:
            return v1.train.SessionRunArgs(v1.train.get_global_step())

        def after_run(self, context: Any, values: Any) -> None:
            events.append(f"{self.name} at {values.results}")

        def end(self, session: Any) -> None:
            events.append(f"{self.name} ends")

    def model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
        spec = custom.model_fn(features, labels, mode, params)
        chief = [Hook("chief")] if mode == "train" else []
        return spec._replace(
            training_chief_hooks=chief,
            training_hooks=[Hook(mode)] if mode == "train" else [],
            evaluation_hooks=[Hook(mode)] if mode == "eval" else [],
            prediction_hooks=[Hook(mode)] if mode == "infer" else [],
        )

    made = tf.estimator.Estimator(model_fn, str(tmp_path), params={"classes": 2})
    read = small_data.input_fn()
    made.train(read, steps=2, hooks=[Hook("own")])
    assert {"train begins", "own begins", "chief begins", "train ends", "own ends"} <= set(events)
    # What a hook asks for is run beside the step: it may come before the step's count.
    assert len([event for event in events if event.startswith("own at")]) == 2
    events.clear()
    made.evaluate(read, steps=1, hooks=[Hook("own")])
    assert set(events) == {
        f"{name} {what}" for name in ("eval", "own") for what in ("begins", "at 2", "ends")
    }
    events.clear()
    (first, *_) = (row for row, _ in zip(made.predict(read), range(1), strict=False))
    assert first["class"] in (0, 1)
    np.testing.assert_allclose(sum(first["probabilities"]), 1, rtol=1e-6)
    assert events[0] == "infer begins"


@pytest.mark.stacks
def test_a_scaffold_initializes_and_keeps_as_many_checkpoints_as_it_says(
    tmp_path: pathlib.Path,
) -> None:
    ready: list[str] = []

    def scaffold() -> Any:
        with v1.variable_scope("output", reuse=True):
            bias = v1.get_variable("bias", [2])
        start = bias.assign([0.25, -0.25])
        return v1.train.Scaffold(
            init_fn=lambda _, session: ready.append(str(session.run(start))),
            saver=v1.train.Saver(max_to_keep=2),
        )

    made = tf.estimator.Estimator(
        custom.model_fn,
        config=tf.estimator.RunConfig(str(tmp_path), save_checkpoints_steps=1),
        params={"classes": 2, "scaffold": scaffold, "learning_rate": 0.0},
    )
    made.train(small_data.input_fn(), steps=4)
    assert ready == ["[ 0.25 -0.25]"]
    np.testing.assert_array_equal(made.get_variable_value("output/bias"), [0.25, -0.25])
    kept = sorted(path.stem for path in tmp_path.glob("*.index"))
    assert kept == ["model.ckpt-3", "model.ckpt-4"]


@pytest.mark.slow
def test_listeners_hear_of_every_checkpoint(tmp_path: pathlib.Path) -> None:
    heard = []

    class Listener(tf.estimator.CheckpointSaverListener):
        def after_save(self, session: Any, global_step_value: int) -> None:
            heard.append(int(global_step_value))

    config = tf.estimator.RunConfig(str(tmp_path), save_checkpoints_steps=2)
    made = tf.estimator.Estimator(custom.model_fn, config=config, params={"classes": 2})
    made.train(small_data.input_fn(), steps=5, saving_listeners=[Listener()])
    assert heard == [0, 2, 4, 5]


STOPPING = {
    # hook: its argument, the metric's values after 5, 10 and 15 steps, whether it stops
    "stop_if_no_decrease_hook": (5, [0.3, 0.4, 0.5], True),
    "stop_if_no_increase_hook": (5, [0.5, 0.4, 0.3], True),
    "stop_if_higher_hook": (0.45, [0.3, 0.4, 0.5], True),
    "stop_if_lower_hook": (0.35, [0.5, 0.4, 0.3], True),
    "stop_if_no_decrease_hook, still decreasing": (5, [0.5, 0.4, 0.3], False),
}


@pytest.mark.parametrize("case", STOPPING)
@pytest.mark.stacks
def test_training_is_stopped_by_what_evaluations_came_to(case: str, tmp_path: pathlib.Path) -> None:
    argument, values, stops = STOPPING[case]
    made = custom.estimator(str(tmp_path))
    with tf.Graph().as_default(), v1.summary.FileWriter(made.eval_dir()) as writer:
        for step, value in zip((5, 10, 15), values, strict=True):
            summary = v1.Summary(value=[v1.Summary.Value(tag="loss", simple_value=value)])
            writer.add_summary(summary, step)
    make = getattr(tf.estimator.experimental, case.partition(",")[0])
    hook = make(made, "loss", argument, run_every_secs=None, run_every_steps=1)
    made.train(small_data.input_fn(), steps=20, hooks=[hook])
    steps = made.get_variable_value("global_step")
    assert (steps < 20) == stops


@pytest.mark.stacks
def test_training_is_stopped_by_any_condition(tmp_path: pathlib.Path) -> None:
    made = custom.estimator(str(tmp_path))
    hook = tf.estimator.experimental.make_early_stopping_hook(
        made, lambda: True, run_every_secs=None, run_every_steps=1
    )
    made.train(small_data.input_fn(), steps=50, hooks=[hook])
    assert made.get_variable_value("global_step") < 50


@pytest.mark.stacks
def test_a_warm_start_takes_what_the_settings_name(tmp_path: pathlib.Path) -> None:
    first = custom.estimator(str(tmp_path / "first"))
    first.train(small_data.input_fn(), steps=5)
    settings = tf.estimator.WarmStartSettings(
        first.model_dir,
        vars_to_warm_start=["output/weights", "output/bias"],
    )
    second = custom.estimator(str(tmp_path / "second"), settings, learning_rate=0.0)
    second.train(small_data.input_fn(), steps=1)
    for name in ("output/weights", "output/bias"):
        np.testing.assert_array_equal(
            second.get_variable_value(name), first.get_variable_value(name)
        )
    name = "input_layer/word_embedding/embedding_weights"
    assert not np.allclose(second.get_variable_value(name), first.get_variable_value(name))


@pytest.mark.slow
def test_metrics_can_be_added(tmp_path: pathlib.Path) -> None:
    def sure(predictions: Any) -> Any:
        surest = tf.reduce_max(predictions["probabilities"], axis=1)
        return {"surest": v1.metrics.mean(surest)}

    wide, _ = small_data.columns()
    made = tf.estimator.add_metrics(tf.estimator.LinearClassifier(wide, str(tmp_path)), sure)
    read = small_data.input_fn()
    metrics = made.train(read, steps=2).evaluate(read, steps=1)
    assert 0.5 <= metrics["surest"] <= 1


@pytest.mark.stacks
def test_params_may_hold_a_tf_function(tmp_path: pathlib.Path) -> None:
    """Traced by the training, it is there for the evaluation, and for another estimator."""

    @tf.function
    def clipped(x: Any) -> Any:
        if tf.reduce_max(x) > 2.0:
            x = tf.minimum(x, 2.0)
        return x

    def model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
        inputs = v1.feature_column.input_layer(features, params["columns"])
        prediction = tf.matmul(inputs, v1.get_variable("w", [1, 1]))
        loss = v1.losses.mean_squared_error(labels, prediction)
        train = v1.train.GradientDescentOptimizer(0.1).minimize(loss, v1.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode, prediction, loss, train)

    def input_fn() -> Any:
        return tf.data.Dataset.from_tensors(({"x": [[1.0], [4.0]]}, [[2.0], [4.0]])).repeat(50)

    columns = [tf.feature_column.numeric_column("x", normalizer_fn=clipped)]
    for folder in ("first", "second"):
        estimator = tf.estimator.Estimator(
            model_fn, str(tmp_path / folder), params={"columns": columns}
        )
        estimator.train(input_fn, steps=50)
        assert estimator.evaluate(input_fn, steps=1)["loss"] < 0.1
