"""Strategies of several machines, as real processes of this one."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_estimators.estimator.distribution import MultiWorker, ParameterServer
from tfx_estimators.estimator.distribution.processes import Task, run_tasks, tasks_of

sys.path.append(str(pathlib.Path(__file__).parent / "programs"))
import small_model

pytestmark = pytest.mark.stacks

CLOSE = 1e-5


def by_name(found: dict[str, list[list[float]]]) -> dict[str, float]:
    return {f"{name}[{i}]": row[0] for name, rows in found.items() for i, row in enumerate(rows)}


@pytest.fixture
def train(program: Callable[..., list[str]], tmp_path: pathlib.Path) -> Callable[[Any], None]:
    """Trains the small model in the processes of a policy."""

    def processes(policy: Any) -> None:
        small_model.write_examples(tmp_path / "examples")

        def command(task: Task) -> list[str]:
            return program("member", tmp_path, task.name, policy.to_json())

        run_tasks(tasks_of(policy), command, tmp_path / "logs", lambda running, of: None)

    return processes


@pytest.fixture
def weights(tmp_path: pathlib.Path) -> Callable[[str], dict[str, float]]:
    """The weights as a task saw them at the end."""

    def read(task: str) -> dict[str, float]:
        found = np.load(tmp_path / f"{task}.weights")
        return {
            f"{name}[{i}]": float(row[0])
            for name, rows in found.items()
            for i, row in enumerate(rows)
        }

    return read


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """The weights that one process comes to with the global batch."""
    from tfx_estimators import estimator as tf_estimator

    folder = tmp_path_factory.mktemp("alone")
    small_model.write_examples(folder / "examples")
    estimator = tf_estimator.Estimator(small_model.model_fn, str(folder / "model"))
    reads = small_model.Input(folder / "examples", small_model.GLOBAL_BATCH)
    estimator.train(reads, steps=small_model.STEPS)
    return by_name(small_model.weights_of(estimator))


@pytest.mark.conformance("MultiWorkerMirroredStrategy")
@pytest.mark.conformance("batch rule")
def test_workers_end_with_equal_weights(
    train: Any,
    weights: Callable[[str], dict[str, float]],
    alone: dict[str, float],
    differs: Callable[[Any, Any], float],
    tmp_path: pathlib.Path,
) -> None:
    """They are also those of one process: the shards are disjoint and complete."""
    train(MultiWorker(2))
    assert weights("worker-0") == weights("worker-1")
    assert differs(weights("worker-0"), alone) < CLOSE
    for index in range(2):
        calls, _ = json.loads((tmp_path / f"worker-{index}.calls").read_text())
        assert calls == [[2, index, 2]]
    checkpoint = tf.train.latest_checkpoint(str(tmp_path / "model"))
    saved = tf.train.load_variable(checkpoint, "weights")
    assert saved.ravel().tolist() == pytest.approx(list(alone.values()), abs=CLOSE)


@pytest.mark.conformance("ParameterServerStrategy")
def test_parameter_server(
    train: Any, weights: Callable[[str], dict[str, float]], tmp_path: pathlib.Path
) -> None:
    train(ParameterServer(workers=2, parameter_servers=1))
    # All have ended, the parameter server too: `run_tasks` came back.
    checkpoint = tf.train.latest_checkpoint(str(tmp_path / "model"))
    assert tf.train.load_variable(checkpoint, "global_step") >= small_model.STEPS
    assert abs(tf.train.load_variable(checkpoint, "weights")).max() > 0.1
    pipelines = {}
    for task in ("chief-0", "worker-0", "worker-1"):
        ((count, index, replicas),), _ = json.loads((tmp_path / f"{task}.calls").read_text())
        assert (count, replicas) == (3, 1)
        pipelines[task] = index
    assert sorted(pipelines.values()) == [0, 1, 2]
    # The evaluator saw the last checkpoint.
    train_calls, eval_calls = json.loads((tmp_path / "evaluator-0.calls").read_text())
    assert not train_calls
    assert eval_calls
    assert list((tmp_path / "model" / "eval").glob("events*"))
