"""Estimators under a distribution strategy."""

from __future__ import annotations

import numpy as np
import pytest
import small_data
import tensorflow as tf

pytestmark = [pytest.mark.stacks, pytest.mark.usefixtures("activated")]


@pytest.mark.conformance("MirroredStrategy")
def test_a_mirrored_strategy_on_one_machine() -> None:
    strategy = tf.distribute.MirroredStrategy(["cpu:0"])
    config = tf.estimator.RunConfig(train_distribute=strategy, eval_distribute=strategy)
    assert config.cluster_spec.as_dict() == {}
    _, deep = small_data.columns()
    made = tf.estimator.DNNClassifier([4], deep, config=config)
    read = small_data.input_fn()
    assert np.isfinite(made.train(read, steps=2).evaluate(read, steps=1)["loss"])
