"""Stores of ML Metadata behind a server: MySQL's protocol, and ml-metadata's own gRPC service."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import time
from collections.abc import Iterator
from concurrent import futures
from typing import Any

from tfx_estimators.estimator.distribution.ports import release_ports, reserve_ports

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds


@contextlib.contextmanager
def mysql_store(folder: pathlib.Path) -> Iterator[str]:
    """A MariaDB server of its own with an empty database; gives the store's URL."""
    answer = subprocess.run(
        [str(ROOT / "scripts" / "mariadb.sh")], check=True, stdout=subprocess.PIPE
    )
    server = answer.stdout.decode().split()[-1]
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={folder}/data",
         "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True, capture_output=True,
    )  # fmt: skip
    (port,) = reserve_ports(1)
    made = folder / "made.sql"
    made.write_text(
        "CREATE DATABASE lineage; CREATE USER 'ml'@'%' IDENTIFIED BY 'p@ss'; "
        "GRANT ALL ON lineage.* TO 'ml'@'%';"
    )
    with (folder / "mariadbd.log").open("wb") as log:
        process = subprocess.Popen(
            [server, "--no-defaults", "--user=root", f"--datadir={folder}/data",
             f"--socket={folder}/socket", f"--port={port}", "--bind-address=127.0.0.1",
             f"--pid-file={folder}/pid"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        end = time.monotonic() + PATIENCE
        client = ["mariadb", "--no-defaults", f"--socket={folder}/socket", "--user=root"]
        while subprocess.run(
            client, input=made.read_bytes(), capture_output=True, check=False
        ).returncode:
            text = (folder / "mariadbd.log").read_text()
            assert process.poll() is None, text
            assert time.monotonic() < end, text
            time.sleep(0.2)
        yield f"mysql://ml:p%40ss@127.0.0.1:{port}/lineage"
    finally:
        process.terminate()
        process.wait(PATIENCE)
        release_ports([port])


@contextlib.contextmanager
def grpc_store(file: pathlib.Path) -> Iterator[str]:
    """ml-metadata's gRPC service over an SQLite file; gives the store's URL.

    The wheel has the service's interface and its client, but no server program. This one
    hands each request as it came to the wheel's own store, which is what Google's server
    does, and answers with its bytes.
    """
    import grpc
    from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd
    from ml_metadata.proto import metadata_store_service_pb2 as service

    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(file)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    store = metadata_store.CreateMetadataStore(
        config.SerializeToString(), mlmd.MigrationOptions().SerializeToString()
    )
    codes = {code.value[0]: code for code in grpc.StatusCode}

    def handler(name: str) -> Any:
        method = getattr(metadata_store, name)

        def answer(request: bytes, context: Any) -> bytes:
            response, message, code = method(store, request)
            if code:
                context.abort(codes[code], message.decode())
            return bytes(response)

        return grpc.unary_unary_rpc_method_handler(answer)

    described = service.DESCRIPTOR.services_by_name["MetadataStoreService"]
    methods = {
        m.name: handler(m.name) for m in described.methods if hasattr(metadata_store, m.name)
    }
    # One at a time, as one connection to SQLite has it.
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(described.full_name, methods),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait(PATIENCE)
