"""tf.estimator where it used to be, and TensorFlow 2.15's figures."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

DATA = pathlib.Path(__file__).parents[1] / "testdata" / "estimator"


@pytest.fixture(scope="session")
def activated() -> None:
    from tfx_estimators import estimator

    estimator.activate()


@pytest.fixture(scope="session")
def figures() -> dict[str, dict[str, dict[str, float]]]:
    """Metrics by row of the conformance table and by model, of TensorFlow 2.15."""
    kept: dict[str, Any] = json.loads((DATA / "figures.json").read_text())
    return kept["figures"]
