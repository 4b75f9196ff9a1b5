"""A store on MySQL or behind gRPC holds and answers what an SQLite file does."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner
from metadata_servers import grpc_store, mysql_store

from tfx_estimators.cli import main
from tfx_estimators.errors import MetadataStoreError
from tfx_estimators.lineage.runs import list_runs
from tfx_estimators.lineage.store import open_store

QUESTIONS = [
    ["runs"],
    ["runs", "run-1"],
    ["checkpoints"],
    ["checkpoints", "--fingerprint", "f1"],
    ["checkpoints", "--min-step", "150"],
    ["models"],
    ["models", "101"],
    ["lineage", "102"],
    ["lineage", "span:7", "--down"],
    ["diff", "run-1", "run-2"],
]


# The store's own.
NUMBERS = {"id", "execution", "next", "created"}


def answers(where: str) -> list[Any]:
    """To all questions, without the store's own numbers."""
    told = []
    for question in QUESTIONS:
        result = CliRunner().invoke(main, [*question, "--json", "--metadata", where])
        assert result.exit_code == 0, result.output
        told.append(_without_numbers(json.loads(result.stdout)))
    return told


def _without_numbers(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {key: _without_numbers(value) for key, value in answer.items() if key not in NUMBERS}
    if isinstance(answer, list):
        return [_without_numbers(value) for value in answer]
    # Databases keep doubles with six digits or so.
    return round(answer, 4) if isinstance(answer, float) else answer


def tell(world: Any, where: str) -> None:
    """By two processes at once, each all of it."""
    command = [sys.executable, "-m", "tfx_estimators.cli", "import", *world.folders()]
    tellers = [subprocess.Popen([*command, "--metadata", where]) for _ in range(2)]
    assert [teller.wait(300) for teller in tellers] == [0, 0]


@pytest.mark.slow
def test_mysql(world: Any, told: Any, tmp_path: pathlib.Path) -> None:
    told()
    with mysql_store(tmp_path) as where:
        tell(world, where)
        assert answers(where) == answers(str(world.database))


@pytest.mark.stacks
def test_grpc(world: Any, told: Any, tmp_path: pathlib.Path) -> None:
    told()
    with grpc_store(tmp_path / "served.sqlite") as where:
        tell(world, where)
        assert answers(where) == answers(str(world.database))


@pytest.mark.stacks
def test_a_server_that_is_away_is_said() -> None:
    with pytest.raises(MetadataStoreError, match=r"grpc://127\.0\.0\.1:9 was busy or unreachable"):
        list_runs(open_store("grpc://127.0.0.1:9", seconds=1.0))
