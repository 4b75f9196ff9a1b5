"""Strategies of one machine, with real devices: the CPU divided in two.

A replica's batch times the number of replicas is the global batch, and nothing about the
model changes: after some steps the weights are those of one device with the global batch.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.stacks

MODELS = ("custom", "premade")
CLOSE = 1e-5


@pytest.fixture(scope="module")
def found(run: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    printed = run("one_machine", tmp_path_factory.mktemp("one_machine"))
    return json.loads(printed.splitlines()[-1])


def flat(trained: Mapping[str, Any]) -> dict[str, float]:
    """Weights and metrics by name."""
    weights = {
        f"{name}[{index}]": row[0]
        for name, rows in trained["weights"].items()
        for index, row in enumerate(rows if isinstance(rows[0], list) else [rows])
    }
    return {**weights, **trained["metrics"]}


@pytest.mark.conformance("MirroredStrategy")
@pytest.mark.parametrize("model", MODELS)
def test_mirrored_weights_are_those_of_one_device(
    found: Any, model: str, differs: Callable[[Any, Any], float]
) -> None:
    assert found["replicas"] == 2
    alone, mirrored = flat(found[f"{model}, alone"]), flat(found[f"{model}, mirrored"])
    assert max(abs(value) for value in alone.values()) > 0.1
    assert differs(mirrored, alone) < CLOSE


@pytest.mark.conformance("MirroredStrategy")
@pytest.mark.parametrize("how", ["evaluated alone", "trained alone"])
def test_train_and_eval_strategies_may_differ(
    found: Any, how: str, differs: Callable[[Any, Any], float]
) -> None:
    assert differs(flat(found[f"custom, {how}"]), flat(found["custom, alone"])) < CLOSE


@pytest.mark.conformance("CentralStorageStrategy")
def test_central_storage(found: Any, differs: Callable[[Any, Any], float]) -> None:
    assert differs(flat(found["custom, central"]), flat(found["custom, alone"])) < CLOSE


@pytest.mark.conformance("batch rule")
@pytest.mark.parametrize("model", MODELS)
def test_the_input_function_is_called_once_a_worker(found: Any, model: str) -> None:
    """Pipelines, which of them, replicas in sync: as the InputContext told it."""
    assert found[f"{model}, alone"]["calls"] == [[1, 0, 1]]
    assert found[f"{model}, mirrored"]["calls"] == [[1, 0, 2]]


def test_accelerators_that_are_not_there_are_said(found: Any) -> None:
    assert found["said"] == ["2 GPU requested, 0 found: training on the CPU"]


def test_accelerators_that_are_required_and_not_there(tmp_path: pathlib.Path) -> None:
    from tfx_estimators.errors import TrainingError
    from tfx_estimators.estimator.distribution import Accelerators
    from tfx_estimators.estimator.distribution.strategies import find_devices

    with pytest.raises(TrainingError, match="2 GPU required for training, 0 found"):
        find_devices(Accelerators(count=2, required=True))
