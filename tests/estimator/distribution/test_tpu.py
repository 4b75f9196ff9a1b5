"""TPU strategies are refused before anything is built, with the reason."""

from __future__ import annotations

import types
from typing import Any

import pytest
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.errors import UnsupportedOptionError

pytestmark = [pytest.mark.stacks, pytest.mark.conformance("TPUStrategy")]

KINDS = [
    tf.distribute.TPUStrategy,
    tf.distribute.experimental.TPUStrategy,
    tf.compat.v1.distribute.experimental.TPUStrategy,
]


@pytest.mark.parametrize("place", ["train_distribute", "eval_distribute"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_config_takes_none(kind: Any, place: str) -> None:
    strategy = kind.__new__(kind)  # Making one properly takes a TPU.
    with pytest.raises(UnsupportedOptionError) as refused:
        tf_estimator.RunConfig(**{place: strategy})
    assert place in str(refused.value)
    assert "does not support Estimators" in str(refused.value)
    both = types.SimpleNamespace(train_distribute=None, eval_distribute=None, remote_cluster=None)
    setattr(both, place, strategy)
    with pytest.raises(UnsupportedOptionError, match=f"experimental_distribute.{place}"):
        tf_estimator.RunConfig(experimental_distribute=both)


def test_other_strategies_are_taken() -> None:
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    config = tf_estimator.RunConfig(None, 1, train_distribute=strategy)
    assert config.train_distribute is strategy
