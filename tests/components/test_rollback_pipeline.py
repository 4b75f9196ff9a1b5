"""From two pushes over a rollback to what ML Metadata then says is served."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from tfx_estimators.cli import main
from tfx_estimators.components import EstimatorPusher
from tfx_estimators.pipelines import runner


def _push(
    root: pathlib.Path, model_uri: str, run: Callable[[Pipeline], object] = runner.run
) -> None:
    candidate = Importer(
        source_uri=model_uri, artifact_type=standard_artifacts.Model, reimport=True
    ).with_id("Candidate")
    pusher = EstimatorPusher(
        model=candidate.outputs["result"], push_destination=str(root / "serving")
    )
    run(
        Pipeline(
            pipeline_name="pushes",
            pipeline_root=str(root / "artifacts"),
            components=[candidate, pusher],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                str(root / "metadata.sqlite")
            ),
        )
    )


def _versions(root: pathlib.Path) -> list[str]:
    return sorted((one.name for one in (root / "serving").glob("[0-9]*")), key=int)


@pytest.fixture
def models(tmp_path: pathlib.Path, make_model: Any) -> tuple[str, str]:
    """The URIs of a good model and of a bad one, which was pushed after it."""
    good = make_model(tmp_path / "good", slope=2.0).uri
    bad = make_model(tmp_path / "bad", slope=-1.0).uri
    for uri in (good, bad):
        _push(tmp_path, uri)
    return good, bad


@pytest.fixture
def ask(tmp_path: pathlib.Path) -> Any:
    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(
            main, [*arguments, "--metadata", str(tmp_path / "metadata.sqlite")]
        )
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def _roll_back(root: pathlib.Path) -> str:
    """The version that the rollback published."""
    result = CliRunner().invoke(main, ["rollback", str(root / "serving")])
    assert result.exit_code == 0, result.output
    return _versions(root)[-1]


def test_a_rollback_is_taken_over_by_import(
    tmp_path: pathlib.Path, models: tuple[str, str], ask: Any
) -> None:
    def versions_by_model() -> dict[str, list[str]]:
        known = json.loads(ask("models", "--json"))
        return {one["uri"]: [v["version"] for v in one["versions"]] for one in known}

    good, bad = models
    first, second = _versions(tmp_path)
    third = _roll_back(tmp_path)
    # Nothing has run since: the record lies beside the versions until it is taken over.
    assert versions_by_model() == {good: [first], bad: [second]}
    ask("import", str(tmp_path / "serving" / ".records"))
    assert versions_by_model() == {good: [first, third], bad: [second]}


def test_a_rollback_is_taken_over_by_the_next_run_whoever_runs_it(
    tmp_path: pathlib.Path, models: tuple[str, str], ask: Any
) -> None:
    good, bad = models
    for run in (LocalDagRunner().run, runner.run):
        version = _roll_back(tmp_path)
        _push(tmp_path, bad, run)
        uris = [node["uri"] for node in json.loads(ask("lineage", version, "--json"))]
        assert good in uris
        assert bad not in uris
