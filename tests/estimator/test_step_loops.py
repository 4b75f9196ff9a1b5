"""Steps that run in one session call: nobody can tell, but by the time."""

from __future__ import annotations

import logging
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from looped_steps import count_looped_steps

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.estimator.step_loops import looping_session, step_loop

v1 = tf.compat.v1
fc = tf.feature_column

pytestmark = [
    pytest.mark.stacks,
    pytest.mark.skipif(
        hasattr(tf, "estimator"), reason="TensorFlow's own estimators run as they always did"
    ),
]

STEPS = 447
"""No multiple of how often a hook acts."""


class Watcher(v1.train.SessionRunHook):  # type: ignore[misc]
    """Sees every step, so that each is a call of its own."""

    def __init__(self) -> None:
        self.steps = 0

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Counts it."""
        self.steps += 1


class Patient(v1.train.SessionRunHook):  # type: ignore[misc]
    """Acts at every tenth step, and wants the loss of the others."""

    def __init__(self) -> None:
        self.step = 0
        self.losses: list[float] = []
        self.acted: list[int] = []

    def begin(self) -> None:
        """Finds the loss."""
        (self.loss,) = v1.get_collection(v1.GraphKeys.LOSSES)[-1:]

    def before_run(self, run_context: Any) -> Any:
        """Asks for the loss and for the global step."""
        return v1.train.SessionRunArgs(self.loss)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Takes note of the loss, and of the step if it acts there."""
        self.step += 1
        self.losses.append(float(run_values.results))
        if self.step % 10 == 0:
            step = run_context.session.run(v1.train.get_global_step(run_context.session.graph))
            self.acted.append(int(step))

    def skippable_steps(self, step: int) -> int:
        """Those before the next tenth."""
        assert step == self.step
        return 9 - step % 10

    def each_step(self) -> Any:
        """The loss."""
        return self.loss

    def after_skipped_steps(self, values: Any, count: int) -> None:
        """Takes note of the losses."""
        assert values.shape == (count,)
        self.step += count
        self.losses += map(float, values)


@pytest.fixture(autouse=True)
def looped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has loops begin at once; how many steps ran in each."""
    monkeypatch.setattr(looping_session, "_STEPS_BEFORE", 3)
    monkeypatch.setattr(looping_session, "_FEWEST_LEFT", 0)
    # However slow the machine is.
    monkeypatch.setattr(looping_session, "_SECONDS", 5.0)
    return count_looped_steps(monkeypatch)


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """What TensorFlow has logged since the last call, without what is not the same twice."""
    logger = logging.getLogger("tensorflow")
    before = logger.propagate, logger.level
    logger.propagate, logger.level = True, logging.INFO

    def lines() -> list[str]:
        messages = [record.getMessage() for record in caplog.records if record.levelno < 30]
        caplog.clear()
        # The global step that is logged was read before or after it grew, as it happens.
        other = r"global_step/sec: .*| \([\d.]+ sec\)|, step = \d+|into .*|'_model_dir': '[^']*'"
        return [re.sub(other, "", message) for message in messages]

    yield lines
    logger.propagate, logger.level = before


def batches(
    count: int = STEPS, *, bad_label: int | None = None, not_a_number: int | None = None
) -> Callable[[], tf.data.Dataset]:
    """An input_fn of batches of four rows, of which one may be bad."""
    random = np.random.RandomState(0)
    x = random.rand(4 * count, 3).astype(np.float32)
    label = (x.sum(1) > 1.5).astype(np.int64)
    words = random.choice(["a", "b", "c"], 4 * count)
    if bad_label is not None:
        label[4 * bad_label] = 7
    if not_a_number is not None:
        x[4 * not_a_number] = np.nan
    return lambda: tf.data.Dataset.from_tensor_slices(({"x": x, "w": words}, label)).batch(4)


def numbers() -> Any:
    """A column of three numbers."""
    return fc.numeric_column("x", (3,))


def words() -> Any:
    """A column with a table."""
    return fc.categorical_column_with_vocabulary_list("w", ["a", "b"], num_oov_buckets=1)


def wide_and_deep(config: Any) -> Any:
    """Two optimizers, tables, embeddings."""
    return tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=[words()],
        dnn_feature_columns=[numbers(), fc.embedding_column(words(), 2)],
        dnn_hidden_units=[8, 4],
        config=config,
    )


def linear(config: Any) -> Any:
    """A classifier of one layer."""
    return tf_estimator.LinearClassifier([numbers(), words()], config=config)


def dnn(config: Any, **options: Any) -> Any:
    """A network of two layers."""
    return tf_estimator.DNNClassifier(
        [8, 4], [numbers()], optimizer="Adam", config=config, **options
    )


def model(body: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An Estimator of one's own around what makes a number of each row, shape [batch]."""

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        logits = body(features["x"])
        loss = v1.losses.sigmoid_cross_entropy(labels, logits)
        train_op = v1.train.GradientDescentOptimizer(0.1).minimize(
            loss, v1.train.get_or_create_global_step()
        )
        return tf_estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    return lambda config: tf_estimator.Estimator(model_fn, config=config)


def weights_of(x: Any) -> Any:
    """A weighted sum."""
    return tf.reduce_sum(x * v1.get_variable("weights", [3]), axis=1)


def with_control_flow(x: Any) -> Any:
    """A loop, a branch that is another from step to step, and an order of operations."""
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1.0]), 0.0)
    with tf.control_dependencies([table.resource_handle]):
        x = tf.identity(x)
    _, sums = tf.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s + weights(x)), [0, x[:, 0]])
    return tf.cond(tf.reduce_mean(x) > 0.5, lambda: sums, lambda: -sums)


def weights(x: Any) -> Any:
    """The same weights at every call."""
    with v1.variable_scope("shared", reuse=v1.AUTO_REUSE):
        return weights_of(x)


def with_old_control_flow(x: Any) -> Any:
    """Loops and branches as TensorFlow 1 makes them."""
    v1.disable_control_flow_v2()
    try:
        return with_control_flow(x)
    finally:
        v1.enable_control_flow_v2()


def session_config() -> Any:
    """An Estimator's own, but with one thread: sums of several are not the same twice."""
    config = v1.ConfigProto(allow_soft_placement=True, intra_op_parallelism_threads=1)
    config.graph_options.rewrite_options.meta_optimizer_iterations = 1
    return config


def trained(
    make: Callable[[Any], Any], folder: pathlib.Path, input_fn: Any = None, **options: Any
) -> Any:
    """An Estimator after its training; options are those of `train`."""
    estimator = make(
        tf_estimator.RunConfig(
            model_dir=str(folder),
            tf_random_seed=1,
            save_checkpoints_steps=130,
            save_summary_steps=50,
            log_step_count_steps=35,
            session_config=session_config(),
        )
    )
    estimator.train(input_fn or batches(), **options)
    return estimator


def checkpoints(estimator: Any) -> dict[str, dict[str, bytes]]:
    """What is in every checkpoint."""
    found = {}
    for index in pathlib.Path(estimator.model_dir).glob("model.ckpt-*.index"):
        reader = tf.train.load_checkpoint(str(index.with_suffix("")))
        names = reader.get_variable_to_shape_map()
        found[index.stem] = {name: reader.get_tensor(name).tobytes() for name in names}
    return found


UNORDERED = ("bias", "fraction_of_zero_weights")
"""Summaries of weights that a step reads before or after it changes them, as it happens."""


def events(estimator: Any) -> list[tuple[Any, ...]]:
    """The summaries, without speeds and what is not the same twice."""
    return [
        (event.step, value.tag, value.SerializeToString())
        for path in sorted(pathlib.Path(estimator.model_dir).glob("events*"))
        for event in v1.train.summary_iterator(str(path))
        for value in event.summary.value
        if not value.tag.endswith("/sec") and value.tag.rpartition("/")[2] not in UNORDERED
    ]


def graph(estimator: Any) -> list[tuple[str, str]]:
    """Operations of the graph that was written."""
    text = (pathlib.Path(estimator.model_dir) / "graph.pbtxt").read_text()
    return re.findall(r'^node {\n  name: "(.*)"\n  op: "(.*)"', text, re.MULTILINE)


def meta_graph(estimator: Any) -> tuple[list[tuple[str, str]], int]:
    """Operations of the last meta graph, and how many functions."""
    newest = estimator.latest_checkpoint()
    meta = v1.MetaGraphDef.FromString(pathlib.Path(f"{newest}.meta").read_bytes())
    nodes = [(node.name, node.op) for node in meta.graph_def.node]
    return nodes, len(meta.graph_def.library.function)


@pytest.mark.parametrize(
    "make",
    [wide_and_deep, linear, dnn, model(with_control_flow)],
    ids=["wide_and_deep", "linear", "dnn", "control_flow"],
)
def test_all_that_a_training_leaves_is_the_same(
    make: Any, tmp_path: pathlib.Path, looped: list[int], log: Callable[[], list[str]]
) -> None:
    """Checkpoints, events, log and graphs, of a training that its data ends."""
    log()
    watcher = Watcher()
    one_by_one = trained(make, tmp_path / "one by one", hooks=[watcher])
    assert watcher.steps == STEPS
    assert not looped
    said = log()
    several = trained(make, tmp_path / "several")
    assert sum(looped) > 400
    assert max(looped) < 35
    assert log() == said
    assert len(checkpoints(several)) == 5
    assert checkpoints(several) == checkpoints(one_by_one)
    assert events(several) == events(one_by_one)
    assert len(events(several)) > 8
    assert graph(several) == graph(one_by_one)
    assert meta_graph(several) == meta_graph(one_by_one)
    one_by_one.train(batches(), steps=100, hooks=[watcher])
    several.train(batches(), max_steps=STEPS + 100)
    assert several.get_variable_value("global_step") == STEPS + 100
    assert checkpoints(several) == checkpoints(one_by_one)


def test_hooks_act_when_they_always_did(tmp_path: pathlib.Path, looped: list[int]) -> None:
    """By steps, by a count of their own, at the last one; and one that says so itself."""

    def run(folder: str, *more: Any) -> tuple[Any, ...]:
        logged: list[int] = []
        saved: list[int] = []

        class Listener(v1.train.CheckpointSaverListener):  # type: ignore[misc]
            def after_save(self, session: Any, global_step_value: int) -> None:
                saved.append(global_step_value)

        def note(values: dict[str, Any]) -> str:
            logged.append(patient.step)
            return ""

        patient = Patient()
        hooks = [
            v1.train.LoggingTensorHook(["IteratorGetNext:0"], 7, formatter=note),
            v1.train.CheckpointSaverHook(
                str(tmp_path / folder), save_steps=41, listeners=[Listener()]
            ),
            v1.train.StepCounterHook(every_n_steps=11),
            patient,
            *more,
        ]
        estimator = trained(linear, tmp_path / folder, hooks=hooks, steps=333)
        summaries = sorted({step for step, _, _ in events(estimator)})
        return logged, saved, summaries, patient.losses, patient.acted, checkpoints(estimator)

    expected = run("one by one", Watcher())
    assert not looped
    assert run("several") == expected
    assert sum(looped) > 150
    logged, saved, summaries, losses, acted, _ = expected
    assert logged == list(range(0, 333, 7))
    assert saved == [0, *range(41, 333, 41), 333]
    assert acted == list(range(10, 333, 10))
    assert len(losses) == 333
    assert summaries == list(range(1, 333, 50))


def with_dropout(x: Any) -> Any:
    """Random numbers in every step."""
    return weights_of(tf.nn.dropout(x, 0.5))


def with_python(x: Any) -> Any:
    """A function of Python in every step."""
    y = tf.numpy_function(lambda value: value, [x], tf.float32)
    return weights_of(tf.ensure_shape(y, x.shape))


def with_a_function_that_draws(x: Any) -> Any:
    """Random numbers in a function that the step calls."""
    return weights_of(tf.function(lambda y: y * tf.random.uniform([]))(x))


def in_a_variable_of_the_first_kind(x: Any) -> Any:
    """Weights that are no resource."""
    return tf.reduce_sum(x * v1.get_variable("weights", [3], use_resource=False), axis=1)


def that_counts_twice(config: Any) -> Any:
    """The global step grows by two."""

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        loss = v1.losses.sigmoid_cross_entropy(labels, weights_of(features["x"]))
        train_op = tf.group(
            v1.train.GradientDescentOptimizer(0.1).minimize(loss),
            v1.train.get_or_create_global_step().assign_add(2),
        )
        return tf_estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    return tf_estimator.Estimator(model_fn, config=config)


@pytest.mark.parametrize(
    "make",
    [
        lambda config: dnn(config, dropout=0.2),
        model(with_dropout),
        model(with_python),
        model(with_a_function_that_draws),
        model(in_a_variable_of_the_first_kind),
        model(with_old_control_flow),
        that_counts_twice,
    ],
    ids=["dropout", "own_dropout", "python", "function", "old_variable", "old_loop", "global_step"],
)
def test_where_it_cannot_be_promised_steps_run_one_by_one(
    make: Any, tmp_path: pathlib.Path, looped: list[int]
) -> None:
    """With a state that a copy of the step would not share, and a step that hooks count wrongly."""
    ordinary = trained(make, tmp_path / "one by one", hooks=[Watcher()])
    quiet = trained(make, tmp_path / "several")
    assert not looped
    assert checkpoints(quiet) == checkpoints(ordinary)


def test_a_session_with_a_time_limit_or_other_options_runs_single_steps(
    tmp_path: pathlib.Path, looped: list[int]
) -> None:
    """What is meant for a step is not applied to many."""
    limited, threaded, optimized = session_config(), session_config(), session_config()
    limited.operation_timeout_in_ms = 10_000
    threaded.experimental.executor_type = "SINGLE_THREADED_EXECUTOR"
    optimized.graph_options.rewrite_options.auto_mixed_precision = 1
    for number, session in enumerate((limited, threaded, optimized)):
        config = tf_estimator.RunConfig(
            model_dir=str(tmp_path / str(number)), session_config=session
        )
        linear(config).train(batches(50))
        assert not looped
    config = tf_estimator.RunConfig(model_dir=str(tmp_path), session_config=v1.ConfigProto())
    linear(config).train(batches(50))
    assert looped


def test_a_short_training_makes_no_loop(
    tmp_path: pathlib.Path, looped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take longer than it saves."""
    monkeypatch.setattr(looping_session, "_FEWEST_LEFT", 300)
    trained(linear, tmp_path, steps=290)
    assert not looped
    trained(linear, tmp_path, steps=310)
    assert looped


@pytest.mark.parametrize("bad", [111, 3, 4])
def test_nan_is_found_at_its_step(tmp_path: pathlib.Path, looped: list[int], bad: int) -> None:
    """And hooks are told of no step after it."""

    def run(folder: str, *more: Any) -> Any:
        patient = Patient()
        with pytest.raises(v1.train.NanLossDuringTrainingError):
            trained(linear, tmp_path / folder, batches(not_a_number=bad), hooks=[patient, *more])
        assert np.isnan(patient.losses[-1])
        return patient.losses[:-1], patient.acted

    expected = run("one by one", Watcher())
    assert not looped
    assert len(expected[0]) == bad
    assert run("several") == expected
    assert looped or bad < 5


@pytest.mark.parametrize("bad", [111, 3, 4])
def test_an_error_is_that_of_its_step(tmp_path: pathlib.Path, looped: list[int], bad: int) -> None:
    """Its text, and what came before it."""

    def run(folder: str, *more: Any) -> Any:
        patient = Patient()
        with pytest.raises(tf.errors.InvalidArgumentError) as raised:
            trained(dnn, tmp_path / folder, batches(bad_label=bad), hooks=[patient, *more])
        return str(raised.value), patient.losses, patient.acted

    expected = run("one by one", Watcher())
    assert not looped
    assert "Labels must be" in expected[0]
    assert len(expected[1]) == bad
    assert run("several") == expected
    assert looped


def test_a_training_goes_on_when_its_session_is_made_anew(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after any error that TensorFlow takes for something passing.

    The error is ours: nothing in one process raises it on demand.
    """
    run = step_loop.StepLoop.run
    failed: list[int] = []

    def failing(self: Any, session: Any, most: int) -> Any:
        if len(failed) < 3:
            failed.append(most)
            error = tf.errors.UnavailableError(None, None, "gone for a moment")
            return run(self, session, most)._replace(error=error)
        return run(self, session, most)

    monkeypatch.setattr(step_loop.StepLoop, "run", failing)
    estimator = trained(linear, tmp_path, lambda: batches()().repeat(), steps=300)
    assert len(failed) == 3
    assert estimator.get_variable_value("global_step") == 300


def test_a_hook_that_is_told_to_act_in_time_does(
    tmp_path: pathlib.Path, looped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that saves every second is not kept waiting for long."""
    monkeypatch.setattr(looping_session, "_SECONDS", 0.05)
    saved: list[int] = []

    class Listener(v1.train.CheckpointSaverListener):  # type: ignore[misc]
        def after_save(self, session: Any, global_step_value: int) -> bool:
            saved.append(global_step_value)
            return len(saved) == 3

    hook = v1.train.CheckpointSaverHook(str(tmp_path), save_secs=1, listeners=[Listener()])
    steps = 1_000_000
    trained(linear, tmp_path, lambda: batches()().repeat(), steps=steps, hooks=[hook])
    assert 0 < saved[1] < saved[2] < steps
    assert sum(looped) > saved[2] / 2


def test_early_stopping_looks_when_it_always_did(tmp_path: pathlib.Path, looped: list[int]) -> None:
    """And ends the training after the same step."""

    def run(folder: str, *more: Any) -> tuple[list[int], int]:
        looked: list[int] = []

        def should_stop() -> bool:
            looked.append(patient.step)
            return len(looked) == 4

        estimator = linear(
            tf_estimator.RunConfig(
                model_dir=str(tmp_path / folder), session_config=session_config()
            )
        )
        patient = Patient()
        stop = tf_estimator.experimental.make_early_stopping_hook(
            estimator, should_stop, run_every_secs=None, run_every_steps=60
        )
        estimator.train(batches(), hooks=[patient, stop, *more])
        return looked, int(estimator.get_variable_value("global_step"))

    looked, ended = run("one by one", Watcher())
    assert not looped
    looked_there, ended_there = run("several")
    assert sum(looped) > 100
    # What it takes for the step was read before or after it grew, as it happens.
    assert np.allclose(looked_there, looked, atol=3)
    assert abs(ended_there - ended) <= 3
