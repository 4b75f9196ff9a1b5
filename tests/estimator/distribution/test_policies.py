"""Policies: small values that say what is wanted, checked as they are made."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.estimator.distribution import (
    Accelerators,
    CentralStorage,
    Mirrored,
    MultiWorker,
    ParameterServer,
    from_json,
)

pytestmark = pytest.mark.stacks


@pytest.mark.parametrize(
    "policy",
    [
        Mirrored(),
        Mirrored(("/cpu:0", "/cpu:1")),
        CentralStorage(accelerators=Accelerators(count=2, required=True)),
        MultiWorker(3, sharding="shuffled"),
        ParameterServer(2, 1, accelerators=Accelerators()),
    ],
)
def test_a_policy_survives_json(policy: Any) -> None:
    assert from_json(policy.to_json()) == policy


def test_processes_of_each_kind() -> None:
    assert Mirrored().tasks() == CentralStorage().tasks() == {}
    assert MultiWorker(2).tasks() == {"worker": 2}
    assert not MultiWorker(2).has_evaluator
    several = ParameterServer(workers=2, parameter_servers=3)
    assert several.tasks() == {"chief": 1, "worker": 2, "ps": 3, "evaluator": 1}
    assert several.has_evaluator


def test_what_changes_the_result() -> None:
    somewhere = ParameterServer(2, 3, accelerators=Accelerators(count=1)).determines()
    assert somewhere == ParameterServer(2).determines()
    assert somewhere != ParameterServer(3).determines()
    assert MultiWorker(2).determines() != MultiWorker(2, sharding="shuffled").determines()


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: MultiWorker(0), "workers=0"),
        (lambda: MultiWorker(True), "workers=True"),
        (lambda: MultiWorker(2, sharding="random"), "sharding='random'"),  # type: ignore[arg-type]
        (lambda: ParameterServer(1, 0), "parameter_servers=0"),
        (lambda: Mirrored("/gpu:0"), "devices='/gpu:0'"),  # type: ignore[arg-type]
        (lambda: Accelerators("XPU"), "kind='XPU'"),
        (lambda: Accelerators(count=0), "count=0"),
        (lambda: from_json("{}"), "'{}' is not a policy"),
        (lambda: from_json('{"policy": "MultiWorker", "werkers": 2}'), "werkers"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, named: str) -> None:
    with pytest.raises(UnsupportedOptionError) as refused:
        make()
    assert named in str(refused.value)
    assert "expected:" in str(refused.value)


@pytest.mark.conformance("TPUStrategy")
def test_tpus_are_refused_with_the_reason() -> None:
    with pytest.raises(UnsupportedOptionError, match="does not support Estimators"):
        Accelerators("TPU")


def test_policies_need_no_tensorflow() -> None:
    code = (
        "import sys; from tfx_estimators.estimator.distribution import MultiWorker, from_json;"
        "from_json(MultiWorker(2).to_json()); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
