"""A run that is interrupted or killed leaves no process, no folder and no step that runs."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import psutil
import pytest
from waits import wait_until

from tfx_estimators.commands.temporary_folder import temporary_folder
from tfx_estimators.lineage.runs import find_run
from tfx_estimators.lineage.store import open_store

pytestmark = pytest.mark.faults

PIPELINE = """
import pathlib
import time

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline


def wait(begun, number):
    pathlib.Path(begun, str(number)).touch()
    time.sleep(600)


@component(use_beam=True)
def Waits(
    begun: Parameter[str],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
):
    with beam_pipeline as pipeline:
        pipeline | beam.Create([1, 2]) | beam.Map(lambda number: wait(begun, number))


def create_pipeline(root, data):
    (root / "begun").mkdir(parents=True)
    return Pipeline(
        pipeline_name="waits",
        pipeline_root=str(root / "artifacts"),
        components=[Waits(begun=str(root / "begun"))],
        beam_pipeline_args=["--direct_running_mode=multi_processing", "--direct_num_workers=2"],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(root / "metadata.sqlite")
        ),
    )
"""


@pytest.fixture
def temporary() -> Iterator[pathlib.Path]:
    """A temporary place with a short path: sockets have to fit."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t") as folder:
        yield pathlib.Path(folder)


def killed_within_a_run(temporary: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    child = os.fork()
    if not child:
        try:
            with temporary_folder():
                tempfile.mkdtemp(prefix="beam-pipeline-temp")
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)  # Whatever happened, the tests go on in one process.
    os.waitpid(child, 0)


def test_what_a_killed_run_left_in_the_temporary_place_goes(
    temporary: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_within_a_run(temporary, monkeypatch)
    (left,) = (path for path in temporary.iterdir() if path.is_dir())
    assert [path.name[:18] for path in left.iterdir()] == ["beam-pipeline-temp"]
    with temporary_folder():
        (own,) = (path for path in temporary.iterdir() if path.is_dir())
        assert own != left
        assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(own)
        with tempfile.TemporaryFile():
            pass
    assert list(temporary.iterdir()) == []
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(temporary)


@pytest.mark.slow
def test_ctrl_c_ends_beams_worker_processes(
    tmp_path: pathlib.Path, temporary: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_within_a_run(temporary, monkeypatch)
    (tmp_path / "pipe.py").write_text(PIPELINE)
    root = tmp_path / "root"
    command = [sys.executable, "-m", "tfx_estimators.cli", "run", str(tmp_path / "pipe.py")]
    with subprocess.Popen(
        [*command, "--root", str(root)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Of tests that run in the background it is ignored, and processes inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as run:
        started: list[psutil.Process] = []
        try:
            wait_until(lambda: run.poll() is not None or any(root.glob("begun/*")))
            started = psutil.Process(run.pid).children(recursive=True)
            assert any("sdk_worker_main" in " ".join(one.cmdline()) for one in started)
            # To the run alone, as a supervisor sends it; a terminal's reaches the workers too.
            run.send_signal(signal.SIGINT)
            assert run.stderr is not None
            said = run.stderr.read()
            assert run.wait(300) == 1
        finally:
            run.kill()
            _, alive = psutil.wait_procs(started, 120)
            for process in alive:
                process.kill()
    assert alive == []
    assert said.splitlines()[-1] == "Aborted!"
    assert "Traceback" not in said
    assert list(temporary.iterdir()) == []
    (step,) = find_run(open_store(root / "metadata.sqlite"), "latest").steps
    assert step.state == "failed"
