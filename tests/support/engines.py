"""Beam's job servers over Flink and Spark on this machine, and Beam's worker pool beside them.

An engine is a JVM of its own: it gets the pipeline over gRPC, shares it out over its two task
slots, and every slot's Python code runs in a process that the worker pool starts.
"""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import time

from tfx_estimators.estimator.distribution.ports import reserve_ports

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds

# Spark 3.2 was made for Java 11 and reaches into the later ones' packages.
_OPENED = ("java.lang", "java.lang.invoke", "java.nio", "java.util", "sun.nio.ch")
_SERVERS = {
    "flink": ["org.apache.beam.runners.flink.FlinkJobServerDriver", "--flink-master=[local]"],
    "spark": [
        "org.apache.beam.runners.spark.SparkJobServerDriver",
        "--spark-master-url=local[2]",
    ],
}


class Engine:
    """Runs for the length of a block.

    Args:
        name: "flink" or "spark".
        folder: for logs and staged files.
        dies: a file. Until it is there, the first worker process to do some work is killed,
            and makes it; see `dying_worker`.
    """

    def __init__(self, name: str, folder: pathlib.Path, dies: pathlib.Path | None = None) -> None:
        self._name = name
        self._folder = folder
        self._dies = dies
        self._processes: list[subprocess.Popen[bytes]] = []
        self.flags: list[str] = []

    def __enter__(self) -> Engine:
        jars = subprocess.run(
            [str(ROOT / "scripts" / "job_server.sh"), self._name],
            check=True,
            stdout=subprocess.PIPE,
        )
        jobs, workers = reserve_ports(2)
        try:
            self._start(
                "job_server", jobs, "java", "-Xmx2g", f"-Djava.io.tmpdir={self._folder}",
                *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
                "-cp", f"{jars.stdout.decode().split()[-1]}/*", *_SERVERS[self._name],
                f"--job-port={jobs}", "--artifact-port=0", "--expansion-port=-1",
                f"--artifacts-dir={self._folder}/staged",
            )  # fmt: skip
            self._start(
                "worker_pool", workers, sys.executable,
                "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={workers}",
            )  # fmt: skip
        except BaseException:
            self.__exit__()
            raise
        self.flags = [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{jobs}",
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{workers}",
            "--parallelism=2",
            "--sdk_worker_parallelism=2",
            # Else Spark starts a worker for each stage, and each imports TensorFlow.
            "--environment_cache_millis=600000",
        ]
        return self

    def __exit__(self, *exc: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(PATIENCE)

    def log(self, name: str) -> str:
        """What "job_server" or "worker_pool" wrote."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def _start(self, name: str, port: int, *command: str) -> None:
        # The pool starts "python", which has to be this one.
        folder = pathlib.Path(sys.executable).parent
        if self._dies is not None:
            folder = self._folder / "dying"
            folder.mkdir(exist_ok=True)
            program = pathlib.Path(__file__).with_name("dying_worker.py")
            script = f'#!/bin/sh\nexec {sys.executable} {program} {self._dies} "$@"\n'
            (folder / "python").write_text(script)
            (folder / "python").chmod(0o755)
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, "PATH": path}
            )
        self._processes.append(process)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("localhost", port), 1).close()
                return
            except OSError:
                waiting = process.poll() is None and time.monotonic() < end
                assert waiting, self.log(name)[-3000:]
                time.sleep(0.1)
