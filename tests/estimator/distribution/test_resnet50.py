"""The ResNet50 that Keras brings, as an estimator under both mirrored strategies."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tfx_estimators.estimator.distribution import Mirrored, MultiWorker
from tfx_estimators.estimator.distribution.processes import Task, run_tasks, tasks_of

pytestmark = [pytest.mark.slow, pytest.mark.stacks, pytest.mark.conformance("ResNet50")]


@pytest.mark.parametrize(
    "policy", [Mirrored(("/cpu:0", "/cpu:1")), MultiWorker(2)], ids=["mirrored", "multi-worker"]
)
def test_a_few_steps(
    program: Callable[..., list[str]], policy: Any, tmp_path: pathlib.Path
) -> None:
    def command(task: Task) -> list[str]:
        return program("resnet", tmp_path, task.name, policy.to_json())

    tasks = tasks_of(policy)
    run_tasks(tasks, command, tmp_path / "logs", lambda running, of: None)
    seen = [dict(np.load(tmp_path / f"{task.name}.weights")) for task in tasks]
    first = seen[0]
    assert len(first) > 100
    assert all(np.isfinite(value).all() for value in first.values())
    for other in seen[1:]:
        assert other.keys() == first.keys()
        for name, value in other.items():
            np.testing.assert_array_equal(value, first[name], err_msg=name)
