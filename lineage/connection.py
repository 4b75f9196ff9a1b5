"""Where a store of ML Metadata is: what users say, as ml-metadata's own settings."""

from __future__ import annotations

import pathlib
import urllib.parse
from typing import Any

from tfx_estimators.errors import MetadataStoreError
from tfx_estimators.lineage.sqlite_file import missing, sqlite_file

__all__ = ["config_of", "name_of"]


def config_of(where: Any) -> Any:
    """ml-metadata's connection settings of a place; see `open_store`.

    Raises:
        NotInMetadataError: if a file of settings is not there.
        MetadataStoreError: if it holds none, or a URL names none.
    """
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if isinstance(where, mlmd.ConnectionConfig | mlmd.MetadataStoreClientConfig):
        copy = type(where)()
        copy.CopyFrom(where)
        return copy
    text = str(where)
    if "://" in text:
        return _config_of_url(text)
    if text.endswith(".pbtxt"):
        return _config_of_file(pathlib.Path(text))
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(sqlite_file(text))
    return config


def _config_of_url(text: str) -> Any:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    wrong = MetadataStoreError(
        f"{_without_password(text)} names no store of ML Metadata",
        expected="grpc://host:port or mysql://user:password@host:port/database",
        fix="correct --metadata",
    )
    url = urllib.parse.urlsplit(text)
    try:
        host, port = url.hostname, url.port
    except ValueError as error:
        raise wrong from error
    if url.scheme == "grpc" and host and port:
        client = mlmd.MetadataStoreClientConfig()
        client.host, client.port = host, port
        return client
    if url.scheme == "mysql" and host and url.path.strip("/"):
        config = mlmd.ConnectionConfig()
        config.mysql.host, config.mysql.port = host, port or 3306
        config.mysql.database = url.path.strip("/")
        config.mysql.user = urllib.parse.unquote(url.username or "")
        config.mysql.password = urllib.parse.unquote(url.password or "")
        return config
    raise wrong


def _config_of_file(file: pathlib.Path) -> Any:
    from google.protobuf import text_format
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if not file.is_file():
        raise missing(file)
    text = file.read_text(encoding="utf-8")
    problem: Exception | None = None
    for kind in (mlmd.ConnectionConfig, mlmd.MetadataStoreClientConfig):
        try:
            return text_format.Parse(text, kind())
        except text_format.ParseError as error:
            problem = problem or error
    raise MetadataStoreError(
        f"{file} is no connection to ML Metadata: {problem}",
        expected="a ConnectionConfig or MetadataStoreClientConfig as text",
        fix="see ml_metadata/proto/metadata_store.proto",
    )


def name_of(config: Any) -> str:
    """How messages call the store, without its password."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if isinstance(config, mlmd.MetadataStoreClientConfig):
        return f"grpc://{config.host}:{config.port}"
    if config.WhichOneof("config") == "sqlite":
        return str(config.sqlite.filename_uri)
    if config.WhichOneof("config") == "mysql":
        return f"mysql://{config.mysql.host}/{config.mysql.database}"
    return "the store"


def _without_password(text: str) -> str:
    url = urllib.parse.urlsplit(text)
    return text.replace(f":{url.password}@", ":***@") if url.password else text
