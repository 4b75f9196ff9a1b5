"""Beam's worker processes end with the process that started them, and it with one of them."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest
from process_states import has_ended
from waits import wait_until

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from tfx_estimators.components.beam_flags import with_plugin
from tfx_estimators.components.beam_processes import watch_workers

def wait(begun):
    import pathlib, time
    pathlib.Path(begun).touch()
    time.sleep(600)

flags = with_plugin(["--direct_running_mode=multi_processing", "--direct_num_workers=1"])
watch_workers(flags)
with beam.Pipeline(options=PipelineOptions(flags)) as pipeline:
    pipeline | beam.Create([sys.argv[1]]) | beam.Map(wait)
"""


Started = tuple[subprocess.Popen[str], psutil.Process]


@pytest.fixture
def start(tmp_path: pathlib.Path) -> Iterator[Callable[[], Started]]:
    """Starts the program; it and its worker, which is at work."""
    with contextlib.ExitStack() as stack:

        def begin() -> Started:
            (tmp_path / "program.py").write_text(PROGRAM)
            command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "begun")]
            program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            stack.callback(program.kill)
            wait_until(lambda: program.poll() is not None or (tmp_path / "begun").exists())
            (worker,) = psutil.Process(program.pid).children(recursive=True)
            stack.callback(_end, worker)
            return program, worker

        yield begin


def _end(worker: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        worker.kill()


def test_a_worker_that_is_killed_ends_the_pipeline(start: Callable[[], Started]) -> None:
    program, worker = start()
    worker.kill()
    _, said = program.communicate(timeout=300)
    assert program.returncode == 1
    assert "RuntimeError: a worker process of Beam ended in the middle of its work" in said


def test_a_worker_ends_with_the_process_that_started_it(start: Callable[[], Started]) -> None:
    program, worker = start()
    program.kill()
    wait_until(lambda: has_ended(worker.pid))
