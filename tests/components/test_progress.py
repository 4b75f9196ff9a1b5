"""Progress: readable lines in a log, Beam counts routed to it."""

from __future__ import annotations

import io

import apache_beam as beam
import pytest
import tensorflow as tf

from tfx_estimators.components.progress import advance, count_examples, show_progress
from tfx_estimators.components.trainer.checkpoints.example_counter import ExampleCounter
from tfx_estimators.components.trainer.checkpoints.training import Start
from tfx_estimators.components.trainer.session.progress_hook import ProgressHook


def test_a_log_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("EstimatorTrainer", "steps", total=4) as progress:
        progress.advance(1, loss="0.5")
        progress.reach(4, loss="0.25")
        progress.reach(2)  # never backwards
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("EstimatorTrainer: 100%")
    assert "4/4" in lines[-1]
    assert "\r" not in "".join(lines)


def test_a_log_has_no_state_twice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a bar is closed, tqdm draws it once more, with another rate."""
    monkeypatch.setattr("tfx_estimators.components.progress._SECONDS_BETWEEN_LINES", 0)
    with show_progress("EstimatorTrainer", "steps", total=4) as progress:
        progress.reach(4, loss="0.5")
        progress.reach(4, loss="0.25")
    shown = capsys.readouterr().err
    assert shown.count("0/4") == 1
    assert shown.count("4/4") == shown.count("loss=") == 2
    with show_progress("Step", "files") as progress:
        progress.advance(3)
    assert capsys.readouterr().err.count(": 3 files [") == 1


def test_beam_counts_reach_the_progress_and_the_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with show_progress("Step", "examples"):
        pipeline = beam.Pipeline()
        _ = pipeline | beam.Create([[1, 2], [3]]) | count_examples("read", size=len)
        result = pipeline.run()
        result.wait_until_finish()
    assert "Step: 3 examples" in capsys.readouterr().err
    (counter,) = result.metrics().query(beam.metrics.MetricsFilter().with_name("read"))["counters"]
    assert counter.committed == 3


@pytest.mark.parametrize("there", [None, "closed"])
def test_without_standard_error_nothing_is_shown(
    there: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = None
    if there == "closed":
        stream = io.StringIO()
        stream.close()
    monkeypatch.setattr("sys.stderr", stream)
    with show_progress("EstimatorTrainer", "steps", total=4) as progress:
        progress.reach(4, loss="0.25")


def test_the_last_loss_that_is_shown_is_that_of_the_last_step() -> None:
    shown: list[dict[str, object]] = []

    class Shown:
        def reach(self, position: int, **fields: object) -> None:
            shown.append({"step": position, **fields})

    v1 = tf.compat.v1
    with tf.Graph().as_default():
        step = v1.train.get_or_create_global_step()
        add = v1.assign_add(step, 1)
        with tf.control_dependencies([add]):
            v1.losses.add_loss(1.0 / tf.cast(step.read_value(), tf.float32))
        counter = ExampleCounter(Start(), batch_size=4)
        hooks = [ProgressHook(Shown(), counter), counter]  # type: ignore[arg-type]
        # Quicker than reports are due: the last step is in none but the one at the end.
        with v1.train.SingularMonitoredSession(hooks=hooks) as session:
            for _ in range(8):
                session.run(add)
    assert shown[-1] == {"step": 8, "loss": "0.125", "examples/s": shown[-1]["examples/s"]}


def test_counting_outside_a_step_does_nothing() -> None:
    advance(3)
