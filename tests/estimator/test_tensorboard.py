"""Event files for TensorBoard, while training runs and after an evaluation."""

from __future__ import annotations

import pathlib
from typing import Any

import custom
import pytest
import small_data
import tensorflow as tf

v1 = tf.compat.v1

pytestmark = [
    pytest.mark.stacks,
    pytest.mark.usefixtures("activated"),
    pytest.mark.conformance("TensorBoard"),
]


def scalars(folder: pathlib.Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag."""
    found: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for event in v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_the_loss_and_the_speed_are_written_while_training_runs(tmp_path: pathlib.Path) -> None:
    seen: list[dict[str, list[tuple[int, float]]]] = []

    class Look(tf.estimator.SessionRunHook):
        """Looks into the event files from inside of the training."""

        def after_run(self, context: Any, values: Any) -> None:
            v1.summary.FileWriterCache.get(str(tmp_path)).flush()
            seen.append(scalars(tmp_path))

    made = tf.estimator.Estimator(
        custom.model_fn,
        config=tf.estimator.RunConfig(
            str(tmp_path), save_summary_steps=5, log_step_count_steps=5, tf_random_seed=7
        ),
        params={"classes": 2},
    )
    made.train(small_data.input_fn(), steps=20, hooks=[Look()])
    assert {"loss", "global_step/sec"} <= set(seen[-2])
    found = scalars(tmp_path)
    # A hook may read the step before or after it was counted: four or five summaries.
    assert len(found["loss"]) > len(seen[10]["loss"]) > 0
    losses = [value for _, value in found["loss"]]
    assert losses[-1] < losses[0]
    assert all(speed > 0 for _, speed in found["global_step/sec"])

    metrics = made.evaluate(small_data.input_fn(), steps=1)
    ((step, loss),) = scalars(tmp_path / "eval")["loss"]
    assert (step, loss) == (20, pytest.approx(metrics["loss"]))
    assert scalars(tmp_path / "eval")["accuracy"] == [(20, pytest.approx(metrics["accuracy"]))]
