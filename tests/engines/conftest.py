"""A portable engine: Beam's Prism runner as job server, workers in processes of their own.

The pipeline goes to the job server over gRPC, and the workers are started by a worker
pool: what Beam's Flink and Spark job servers do, with the same flags.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import apache_beam
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds


@pytest.fixture(scope="session")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Beam flags for a running engine."""
    version = apache_beam.__version__
    built = subprocess.run(
        [ROOT / "scripts" / "prism.sh", version], capture_output=True, text=True, check=False
    )
    if built.returncode:
        pytest.skip(f"Prism {version} cannot be built here: {built.stderr[-500:]}")
    logs = tmp_path_factory.mktemp("prism")
    jobs, workers = _free_port(), _free_port()
    with (
        _running(
            logs / "job_server",
            [built.stdout.strip(), f"--job_port={jobs}", "--serve_http=false"],
            jobs,
        ),
        _running(
            logs / "worker_pool",
            [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main",
             f"--service_port={workers}"],
            workers,
        ),
    ):  # fmt: skip
        yield [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{jobs}",
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{workers}",
        ]


@contextlib.contextmanager
def _running(log: pathlib.Path, command: list[str], port: int) -> Iterator[None]:
    # The worker pool starts "python", which has to be this one.
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "PATH": path}
        )
    try:
        _wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        time.sleep(0.1)
    pytest.fail(f"{process.args!r} does not listen on port {port}:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])
