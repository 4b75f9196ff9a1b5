"""What the trainer's hooks know of steps that run in one session call."""

from __future__ import annotations

import os
import pathlib
import signal
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from looped_steps import count_looped_steps

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.trainer.checkpoints.example_counter import ExampleCounter
from tfx_estimators.components.trainer.checkpoints.training import Start
from tfx_estimators.components.trainer.session.interruption import (
    Interruption,
    InterruptionHook,
    listening,
)
from tfx_estimators.components.trainer.session.progress_hook import ProgressHook
from tfx_estimators.errors import TrainingInterruptedError

pytestmark = [
    pytest.mark.stacks,
    pytest.mark.skipif(
        hasattr(tf, "estimator"), reason="TensorFlow's own estimators run as they always did"
    ),
]

ROWS = 4 * 2500 + 3


class Shown:
    """Notes what is shown."""

    def __init__(self) -> None:
        self.reached = 0
        self.fields: dict[str, object] = {}

    def reach(self, position: int, **fields: object) -> None:
        """Notes how far the training is."""
        self.reached = position
        self.fields = fields


@pytest.fixture
def looped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps ran in each loop."""
    return count_looped_steps(monkeypatch)


def estimator(folder: pathlib.Path) -> Any:
    """A linear model that saves every 1,000 steps."""
    config = tf_estimator.RunConfig(model_dir=str(folder), save_checkpoints_steps=1000)
    columns = [tf.feature_column.numeric_column("x")]
    return tf_estimator.LinearRegressor(columns, config=config)


def batches(not_a_number: int | None = None) -> tf.data.Dataset:
    """Batches of four rows, and one of three."""
    x = np.random.RandomState(0).rand(ROWS, 1).astype(np.float32)
    label = 2 * x
    if not_a_number is not None:
        label[not_a_number] = np.nan
    return tf.data.Dataset.from_tensor_slices(({"x": x}, label)).batch(4)


def test_all_steps_examples_and_the_last_loss_are_known(
    tmp_path: pathlib.Path, looped: list[int]
) -> None:
    """With the last batch, which is smaller, in a loop that the data ends."""
    counter, shown = ExampleCounter(Start(0, 0), batch_size=None), Shown()
    progress = ProgressHook(shown, counter)  # type: ignore[arg-type]
    counted: list[tuple[int, int | None]] = []
    counter.counted = lambda: counted.append((counter.step, counter.count()))
    hooks = [progress, counter, InterruptionHook(Interruption(), str(tmp_path))]
    estimator(tmp_path).train(batches, hooks=hooks)
    assert sum(looped) > 1000
    assert (counter.step, counter.count()) == (2501, ROWS)
    assert progress.step == progress.steps == shown.reached == 2501
    assert all(examples == 4 * step for step, examples in counted if step < 2501)
    assert shown.fields["loss"] == f"{float(progress._last_loss):.4g}"
    assert "examples/s" in shown.fields


def test_the_step_at_which_the_loss_became_nan_is_known(
    tmp_path: pathlib.Path, looped: list[int]
) -> None:
    """It is the one with the bad row."""
    counter = ExampleCounter(Start(0, 0), batch_size=None)
    progress = ProgressHook(Shown(), counter)  # type: ignore[arg-type]
    with pytest.raises(tf.compat.v1.train.NanLossDuringTrainingError):
        estimator(tmp_path).train(lambda: batches(4 * 2222), hooks=[progress, counter])
    assert looped
    assert progress.step == 2223


def test_a_signal_ends_a_training_after_a_few_steps(
    tmp_path: pathlib.Path, looped: list[int]
) -> None:
    """A checkpoint is saved first, of the step that the message names."""
    sent: list[int] = []

    class Sender(ProgressHook):
        def after_skipped_steps(self, values: Any, count: int) -> None:
            super().after_skipped_steps(values, count)
            if self.step > 1500 and not sent:
                sent.append(self.step)
                os.kill(os.getpid(), signal.SIGTERM)

    counter = ExampleCounter(Start(0, 0), batch_size=4)
    trained = estimator(tmp_path)
    sender = Sender(Shown(), counter)  # type: ignore[arg-type]
    with listening() as interruption:
        hooks = [sender, counter, InterruptionHook(interruption, str(tmp_path))]
        with pytest.raises(TrainingInterruptedError) as raised:
            trained.train(batches, hooks=hooks)
    assert trained.get_variable_value("global_step") == sent[0] + 1
    assert f"at step {sent[0] + 1}, which was saved" in str(raised.value)
