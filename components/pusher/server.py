"""Telling a TensorFlow Serving ModelServer of a new version, over its gRPC API.

API: https://github.com/tensorflow/serving/blob/master/tensorflow_serving/apis/model_service.proto
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import time
from typing import Any

from tfx_estimators.errors import PushError, UnsupportedOptionError
from tfx_estimators.json_text import dumps

__all__ = ["ModelServer", "reload"]

_SECONDS_A_CALL = 120.0
_SECONDS_UNTIL_SERVED = 600.0
_SECONDS_BETWEEN_LOOKS = 0.5


@dataclasses.dataclass(frozen=True)
class ModelServer:
    """A TensorFlow Serving ModelServer that serves what is pushed.

    A reload tells a server everything that it is to serve: models that are not named are
    unloaded. Where it serves several, pass `config_file`.

    Attributes:
        address: of its gRPC port, e.g. "localhost:8500".
        model_name: what the server calls the model.
        base_path: the folder of versions as the server sees it, where that is not
            push_destination, as in a container.
        config_file: the server's own `--model_config_file`, a ModelServerConfig in text
            format; it has to name the model.

    Raises:
        UnsupportedOptionError: if the address has no port, there is no name, or both
            base_path and config_file are given.
    """

    address: str
    model_name: str
    base_path: str | None = None
    config_file: str | None = None

    def __post_init__(self) -> None:
        host, colon, port = self.address.rpartition(":")
        if "://" in self.address or not (host and colon and port.isdecimal()):
            raise UnsupportedOptionError(
                f"model_server.address is {self.address!r}",
                expected="HOST:PORT, the port of gRPC",
                fix="ModelServer('localhost:8500', 'taxi')",
            )
        if not self.model_name:
            raise UnsupportedOptionError(
                "model_server.model_name is empty",
                expected="the name that the server was started with (--model_name)",
                fix="ModelServer('localhost:8500', 'taxi')",
            )
        if self.base_path and self.config_file:
            raise UnsupportedOptionError(
                "model_server has a base_path and a config_file",
                expected="one of them: the file holds the model's base_path",
                fix="leave base_path out",
            )

    def to_json(self) -> str:
        """As JSON, the form of the execution property."""
        return dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ModelServer:
        """Reads what `to_json` wrote."""
        return cls(**json.loads(text))


def reload(server: ModelServer, base: str, version: int) -> None:
    """Makes a server look for new versions, and waits until it serves one.

    Args:
        server: the server.
        base: the folder that holds the versions.
        version: the one to wait for.

    Raises:
        PushError: if the server cannot be reached, refuses, or does not come to serve
            the version. The version is in its folder all the same.
    """
    import grpc
    from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

    config = _configuration(server, base)
    request = model_management_pb2.ReloadConfigRequest(config=config)
    with grpc.insecure_channel(server.address) as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        try:
            answer = stub.HandleReloadConfigRequest(request, timeout=_SECONDS_A_CALL)
            if answer.status.error_code:
                raise _failed(server, version, answer.status.error_message)
            _wait(stub, server, version)
        except grpc.RpcError as error:
            raise _failed(server, version, f"{error.code().name}: {error.details()}") from error


def _configuration(server: ModelServer, base: str) -> Any:
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    if server.config_file is None:
        model = config.model_config_list.config.add()
        model.name = server.model_name
        model.base_path = server.base_path or base
        model.model_platform = "tensorflow"
        return config
    try:
        text_format.Parse(pathlib.Path(server.config_file).read_text(encoding="utf-8"), config)
    except (OSError, ValueError, text_format.ParseError) as error:
        raise PushError(
            f"model_server.config_file {server.config_file} cannot be read: {error}",
            expected="a ModelServerConfig in protocol buffer text format",
            fix="give the file that the server was started with (--model_config_file)",
        ) from error
    names = [model.name for model in config.model_config_list.config]
    if server.model_name not in names:
        raise PushError(
            f"model_server.config_file {server.config_file} names the models "
            f"{', '.join(names) or '(none)'}",
            expected=f"the model {server.model_name!r} among them",
            fix="correct model_name, or add the model to the file",
        )
    return config


def _wait(stub: Any, server: ModelServer, version: int) -> None:
    """Waits until a version is AVAILABLE."""
    from tensorflow_serving.apis import get_model_status_pb2

    status = get_model_status_pb2.ModelVersionStatus
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = server.model_name
    deadline = time.monotonic() + _SECONDS_UNTIL_SERVED
    while True:
        answer = stub.GetModelStatus(request, timeout=_SECONDS_A_CALL)
        found = {one.version: one for one in answer.model_version_status}
        mine = found.get(version)
        if mine is not None and mine.state == status.AVAILABLE:
            return
        if mine is not None and mine.state == status.END and mine.status.error_code:
            raise _failed(server, version, mine.status.error_message)
        if time.monotonic() > deadline:
            seen = ", ".join(map(str, sorted(found))) or "no version"
            raise _failed(server, version, f"after {_SECONDS_UNTIL_SERVED:.0f} s it knows {seen}")
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _failed(server: ModelServer, version: int, why: str) -> PushError:
    return PushError(
        f"the model server {server.address} does not serve version {version} of "
        f"{server.model_name!r}: {why}",
        expected="a TensorFlow Serving ModelServer that reads the push destination",
        fix="check the server's log, then push again: the version is already in its folder. "
        "If the server sees the folder under another name, pass base_path",
    )
