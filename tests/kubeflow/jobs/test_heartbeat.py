"""Processes of a job end themselves when their step is gone without a word."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import time

import pytest

from tfx_estimators.kubeflow.jobs.heartbeat import Heartbeat

_SAVES = (
    "import pathlib, signal, sys, time\n"
    "from tfx_estimators.kubeflow.jobs.heartbeat import end_without_heartbeat\n"
    "folder = pathlib.Path(sys.argv[1])\n"
    "def saved(*_):\n"
    "    (folder / 'saved').touch()\n"
    "    sys.exit(1)\n"
    "signal.signal(signal.SIGTERM, saved)\n"
    "end_without_heartbeat(folder, seconds=6, seconds_to_save=600)\n"
    "(folder / 'ready').touch()\n"
    "time.sleep(600)\n"
)
# As a parameter server, whose main thread hears no signal.
_DEAF = (
    "import pathlib, signal, sys, time\n"
    "from tfx_estimators.kubeflow.jobs.heartbeat import end_without_heartbeat\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "end_without_heartbeat(pathlib.Path(sys.argv[1]), seconds=0.2, seconds_to_save=0.2)\n"
    "time.sleep(600)\n"
)


def _start(code: str, folder: pathlib.Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, str(folder)])


def test_a_process_trains_while_its_step_lives_and_saves_when_it_is_gone(
    tmp_path: pathlib.Path,
) -> None:
    heartbeat = Heartbeat(tmp_path, seconds=0.1)
    with _start(_SAVES, tmp_path) as process:
        until = time.monotonic() + 300
        while not (tmp_path / "ready").exists():
            assert time.monotonic() < until
            heartbeat.beat()
            time.sleep(0.1)
        silence, beaten = 0.0, time.monotonic()
        until = beaten + 12  # Twice its patience.
        while beaten < until:
            heartbeat.beat()
            time.sleep(0.1)
            silence = max(silence, time.monotonic() - beaten)
            beaten = time.monotonic()
        # Unless the machine stood still for so long that it had reason to end.
        assert process.poll() is None or silence > 3
        assert process.wait(300) == 1
    assert (tmp_path / "saved").exists()


def test_a_process_that_hears_no_signal_ends_too(tmp_path: pathlib.Path) -> None:
    with _start(_DEAF, tmp_path) as process:
        assert process.wait(300) == 128 + signal.SIGTERM


def test_a_volume_that_cannot_be_written_ends_no_step(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        (tmp_path / "gone" / "x").touch()
    Heartbeat(tmp_path / "gone").beat()
