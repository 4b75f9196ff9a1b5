"""Turns the place of a store of ML Metadata into ml-metadata's connection settings."""

from __future__ import annotations

import pathlib
import re
import urllib.parse
from typing import Any

from tfx_estimators.errors import MetadataStoreError
from tfx_estimators.lineage.database.sqlite_file import missing, sqlite_file

__all__ = ["config_of", "name_of"]

_HOST = r"(?P<host>\[[^\]/@]+\]|[^\[\]:/@?#\s]+)"
_GRPC = re.compile(rf"grpc://{_HOST}:(?P<port>[0-9]+)/?")
# Up to the last @: a password may hold any other character, encoded or not.
_MYSQL = re.compile(
    rf"mysql://(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?{_HOST}"
    r"(?::(?P<port>[0-9]+))?/(?P<database>[^/?#@]+)/?",
    re.DOTALL,
)


def config_of(where: Any) -> Any:
    """ml-metadata's connection settings of a place; see `open_store`.

    Raises:
        MissingFilesError: if a file of settings is not there.
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
    try:
        config.sqlite.filename_uri = str(sqlite_file(text))
    except (ValueError, OSError) as error:
        raise MetadataStoreError(
            f"{text} cannot be a store's name: {error}",
            expected="a path in UTF-8",
            fix="rename the file, or the folder that it is in",
        ) from error
    return config


def _config_of_url(text: str) -> Any:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if (found := _GRPC.fullmatch(text)) and _is_port(found["port"]):
        client = mlmd.MetadataStoreClientConfig()
        client.host, client.port = found["host"].strip("[]"), int(found["port"])
        return client
    if (found := _MYSQL.fullmatch(text)) and _is_port(found["port"] or "3306"):
        config = mlmd.ConnectionConfig()
        config.mysql.host = found["host"].strip("[]")
        config.mysql.port = int(found["port"] or 3306)
        config.mysql.database = found["database"]
        config.mysql.user = urllib.parse.unquote(found["user"] or "")
        config.mysql.password = urllib.parse.unquote(found["password"] or "")
        return config
    raise MetadataStoreError(
        f"{text} does not name an ML Metadata store",
        expected="grpc://host:port or mysql://user:password@host:port/database",
        fix="correct --metadata",
    )


def _is_port(text: str) -> bool:
    return len(text) <= 5 and 0 < int(text) < 1 << 16


def _config_of_file(file: pathlib.Path) -> Any:
    from google.protobuf import text_format
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if not file.is_file():
        raise missing(file)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MetadataStoreError(
            f"{file} cannot be read: {error}",
            expected="a text file that you can read",
            fix=f"ls -l {file}",
        ) from error
    places = []
    for kind in (mlmd.ConnectionConfig, mlmd.MetadataStoreClientConfig):
        try:
            return text_format.Parse(text, kind())
        except text_format.ParseError as error:
            places.append((error.GetLine() or 1, error.GetColumn() or 1))
    # The parser's own message shows what stands there, which may be a password.
    line, column = max(places)
    raise MetadataStoreError(
        f"{file} does not describe a connection: line {line}, column {column} is wrong",
        expected="a ConnectionConfig or MetadataStoreClientConfig in text format, strings quoted",
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
