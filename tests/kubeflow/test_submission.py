"""Submitting, against a stand-in for the server: see `kfp_server`."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from tfx_estimators.cli import main
from tfx_estimators.errors import MissingDependencyError
from tfx_estimators.estimator.distribution.ports import release_ports, reserve_ports
from tfx_estimators.kubeflow import submission
from tfx_estimators.kubeflow.package import compile_pipeline

_SPEC = importlib.util.spec_from_file_location(
    "kfp_server", pathlib.Path(__file__).with_name("kfp_server.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
kfp_server = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(kfp_server)

pytestmark = pytest.mark.stacks


@pytest.fixture
def package(tmp_path: pathlib.Path) -> pathlib.Path:
    spec = {
        "pipelineInfo": {"name": "small"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "tfx",
        "defaultPipelineRoot": "minio://mlpipeline/small",
        "root": {
            "dag": {"tasks": {}},
            "inputDefinitions": {"parameters": {"steps": {"parameterType": "NUMBER_INTEGER"}}},
        },
        "components": {},
        "deploymentSpec": {"executors": {}},
    }
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-a": {}}}}}}
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump_all([spec, platform]))
    return file


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    monkeypatch.setattr(submission, "_SECONDS_BETWEEN_LOOKS", 0.05)
    servers = []

    def start(*arguments: Any, **named: Any) -> Any:
        servers.append(kfp_server.KfpServer(*arguments, **named))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def submit(package: pathlib.Path, endpoint: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["submit", str(package), "--endpoint", endpoint, *options])


def test_a_run_is_created_followed_and_its_address_printed(
    serve: Any, package: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    server = serve(("PENDING", "RUNNING", "RUNNING", "SUCCEEDED"))
    (tmp_path / "token").write_text("secret\n")
    options = ["--parameter", "steps=5", "--token-file", str(tmp_path / "token")]
    options += ["--service-account", "trainer"]
    result = submit(package, server.endpoint, *options, "--experiment", "tries")
    assert result.exit_code == 0, result.output
    assert f"{server.endpoint}/#/runs/details/r1" in result.output
    # The server does not read it in the package.
    assert server.runs[0]["runtime_config"]["pipeline_root"] == "minio://mlpipeline/small"
    states = [line for line in result.output.splitlines() if line.startswith("EstimatorTrainer")]
    assert states == [f"EstimatorTrainer: {s}" for s in ("pending", "running", "succeeded")]
    (run,) = server.runs
    assert run["runtime_config"]["parameters"] == {"steps": "5"}
    assert run["display_name"].startswith("small ")
    assert run["experiment_id"] == "e1"
    assert run["service_account"] == "trainer"
    sent = run["pipeline_spec"]
    assert sent["pipeline_spec"]["pipelineInfo"] == {"name": "small"}
    assert "kubernetes" in sent["platform_spec"]["platforms"]
    assert any("secret" in str(token) for token in server.tokens)


def test_a_run_that_fails_fails_the_command(serve: Any, package: pathlib.Path) -> None:
    result = submit(package, serve(("RUNNING", "FAILED")).endpoint)
    assert result.exit_code == 1
    assert "EstimatorTrainer: failed: no machine has a GPU" in result.output
    assert "the run r1 failed" in result.output


def test_without_waiting_it_returns_at_once(serve: Any, package: pathlib.Path) -> None:
    result = submit(package, serve(("RUNNING",)).endpoint, "--no-wait")
    assert result.exit_code == 0, result.output


def test_status_asks_the_server_how_far_a_run_is(serve: Any, package: pathlib.Path) -> None:
    server = serve(("RUNNING", "FAILED"))

    def status(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["status", *arguments, "--endpoint", server.endpoint])

    assert "has no runs" in status().output
    submit(package, server.endpoint, "--no-wait")
    found = {one["step"]: one for one in json.loads(status("--json").output)}
    assert list(found) == ["EstimatorTrainer", "EstimatorPusher"]
    assert (found["EstimatorTrainer"]["state"], found["EstimatorTrainer"]["seconds"]) == (
        "running", 2.0,
    )  # fmt: skip
    assert (found["EstimatorPusher"]["state"], found["EstimatorPusher"]["seconds"]) == (
        "pending", None,
    )  # fmt: skip
    shown = status("r1").output
    assert "r1  (small, failed)" in shown
    assert "no machine has a GPU" in shown
    unknown = status("r2")
    assert unknown.exit_code == 1
    assert "has no run 'r2'" in unknown.output
    alone = CliRunner().invoke(main, ["status", "--namespace", "team"])
    assert "--namespace: there is no server to ask" in alone.output


def test_bad_input_creates_nothing(serve: Any, package: pathlib.Path, tmp_path: Any) -> None:
    (port,) = reserve_ports(1)  # Held, but nobody listens.
    nobody = f"http://127.0.0.1:{port}"
    server = serve()
    local = tmp_path / "local.yaml"
    local.write_text(package.read_text().replace("minio://mlpipeline", "/tmp"))
    torn = tmp_path / "torn.yaml"
    torn.write_text("pipelineInfo: {")
    for file, endpoint, options, said in (
        (package, nobody, [], "healthz: Failed to establish a new connection"),
        (package, server.endpoint, ["--namespace", "My_team"], "is it 'my-team'?"),
        (package, server.endpoint, ["--service-account", "a b"], "is not a name that Kubernetes"),
        (package, "localhost:8888", [], "is not an address"),
        (package, f"{server.endpoint}/elsewhere", [], "answered 404"),
        (local, server.endpoint, [], "a path on this machine"),
        (torn, server.endpoint, [], "is not a package"),
        (tmp_path / "none.yaml", server.endpoint, [], "is not a package"),
        (package, server.endpoint, ["--parameter", "stepz=1"], "no parameter stepz"),
        (package, server.endpoint, ["--parameter", "steps"], "NAME=VALUE"),
        (package, server.endpoint, ["--token-file", "/none"], "cannot be read"),
    ):
        result = submit(file, endpoint, *options)
        assert result.exit_code == 1, result.output
        assert said in result.output
    assert server.runs == server.experiments == []
    release_ports([port])


def test_a_user_without_the_right_is_told(serve: Any, package: pathlib.Path) -> None:
    result = submit(package, serve(status=403).endpoint)
    assert result.exit_code == 1
    assert "answered 403" in result.output
    assert "ask for permission" in result.output


def test_without_kfp_the_extra_is_named(package: pathlib.Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "kfp", None)
    result = submit(package, "http://localhost:1")
    assert result.exit_code == 1
    assert "pip install 'tfx-estimators[kubeflow]'" in result.output
    with pytest.raises(MissingDependencyError, match="kfp cannot be imported"):
        compile_pipeline(None, image="i")
