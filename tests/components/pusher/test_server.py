"""Reloading a model server.

TensorFlow Serving cannot run here: a gRPC server in this process stands in for it. It
implements the two calls of its ModelService that are used, as they are documented, and
reads the folder it is told of; that it loads models is not shown.
"""

from __future__ import annotations

import concurrent.futures
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
)
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators.components import EstimatorPusher
from tfx_estimators.components.pusher import ModelServer
from tfx_estimators.components.pusher import server as servers
from tfx_estimators.components.pusher.server import reload
from tfx_estimators.errors import PushError, UnsupportedOptionError

Stage = Callable[..., tuple[pathlib.Path, bool]]


class StandIn(model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[misc]
    """Serves the newest version of each model it was last told of."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.refuses = ""
        self.fails = ""

    def HandleReloadConfigRequest(self, request: Any, context: Any) -> Any:
        answer = model_management_pb2.ReloadConfigResponse()
        if self.refuses:
            answer.status.error_code = 3
            answer.status.error_message = self.refuses
        else:
            models = request.config.model_config_list.config
            assert all(model.model_platform == "tensorflow" for model in models)
            self.told.append({model.name: model.base_path for model in models})
        return answer

    def GetModelStatus(self, request: Any, context: Any) -> Any:
        answer = get_model_status_pb2.GetModelStatusResponse()
        folder = self.told[-1].get(request.model_spec.name)
        if folder is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "Could not find any versions of model")
        versions = [int(p.name) for p in pathlib.Path(folder).iterdir() if p.name.isdecimal()]
        status = answer.model_version_status.add(version=max(versions))
        state = get_model_status_pb2.ModelVersionStatus
        status.state = state.END if self.fails else state.AVAILABLE
        if self.fails:
            status.status.error_code = 5
            status.status.error_message = self.fails
        return answer


@pytest.fixture
def stand_in() -> Iterator[tuple[StandIn, str]]:
    """The server and its address."""
    service = StandIn()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield service, f"localhost:{port}"
    server.stop(None).wait()


@pytest.mark.stacks
def test_a_push_reloads_the_server_it_names(
    stand_in: tuple[StandIn, str],
    execute: Any,
    channel: Any,
    model: Artifact,
    base: pathlib.Path,
) -> None:
    service, address = stand_in
    component = EstimatorPusher(
        model=channel(standard_artifacts.Model),
        push_destination=str(base),
        model_server=ModelServer(address, "taxi"),
    )
    pushed = execute(component, {"model": model})["pushed_model"]
    assert service.told == [{"taxi": str(base)}]
    service.fails = "out of memory"
    with pytest.raises(PushError, match="out of memory"):
        execute(component, {"model": model})
    assert pushed.get_string_custom_property("pushed_version") == max(
        p.name for p in base.iterdir() if p.name.isdecimal()
    )


def test_a_server_that_serves_several_models_is_told_of_all(
    stand_in: tuple[StandIn, str], base: pathlib.Path, stage: Stage, tmp_path: pathlib.Path
) -> None:
    service, address = stand_in
    version = int(stage("a")[0].name)
    config = tmp_path / "models.config"
    config.write_text(
        f"""model_config_list {{
        config {{ name: 'taxi' base_path: '{base}' model_platform: 'tensorflow' }}
        config {{ name: 'other' base_path: '/other' model_platform: 'tensorflow' }} }}"""
    )
    reload(ModelServer(address, "taxi", config_file=str(config)), str(base), version)
    assert service.told == [{"taxi": str(base), "other": "/other"}]
    with pytest.raises(PushError, match="names the models taxi, other"):
        reload(ModelServer(address, "taxis", config_file=str(config)), str(base), version)
    config.write_text("model_config {}")
    with pytest.raises(PushError, match="cannot be read"):
        reload(ModelServer(address, "taxi", config_file=str(config)), str(base), version)
    with pytest.raises(PushError, match="cannot be read"):
        reload(ModelServer(address, "taxi", config_file="/nowhere"), str(base), version)


def test_what_a_server_answers_is_passed_on(
    stand_in: tuple[StandIn, str],
    base: pathlib.Path,
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, address = stand_in
    version = int(stage("a")[0].name)
    reload(ModelServer(address, "taxi", base_path=str(base)), "/host", version)
    assert service.told == [{"taxi": str(base)}]
    monkeypatch.setattr(servers, "_SECONDS_UNTIL_SERVED", 0.0)
    with pytest.raises(PushError, match=f"it knows {version}"):
        reload(ModelServer(address, "taxi"), str(base), version + 1)
    service.refuses = "Config contains duplicate model names"
    with pytest.raises(PushError, match="duplicate model names"):
        reload(ModelServer(address, "taxi"), str(base), version)
    with pytest.raises(PushError, match="UNAVAILABLE"):
        reload(ModelServer("localhost:1", "taxi"), str(base), version)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("localhost", "taxi"), "'localhost'"),
        (("http://localhost:8501", "taxi"), "'http://localhost:8501'"),
        (("localhost:8500", ""), "model_name"),
        (("localhost:8500", "taxi", "/models", "models.config"), "base_path and a config_file"),
    ],
)
def test_a_server_that_cannot_be_is_refused(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=words):
        ModelServer(*arguments)
