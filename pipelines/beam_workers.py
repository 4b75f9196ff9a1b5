"""Ends Beam's worker processes where a run is interrupted.

Beam's direct runner waits for its worker processes in threads, which Python waits for before
it ends. Ctrl-C in a terminal reaches the workers too; a SIGINT that a supervisor sends to the
run alone does not, and the run would never end.

Private names of Beam: the module `sdk_worker_main` and the thread `run_worker`, seen on Beam
2.64 and 2.77.
"""

from __future__ import annotations

import contextlib
import threading
import time

__all__ = ["end_workers"]

_WORKER = "apache_beam.runners.worker.sdk_worker_main"
_THREAD = "run_worker"
_SECONDS_TO_END = 10.0


def end_workers() -> None:
    """Ends the worker processes of this process, and waits for the threads that watch them."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(_WORKER in word for word in process.cmdline()):
                process.kill()
    until = time.monotonic() + _SECONDS_TO_END
    for thread in threading.enumerate():
        if thread.name == _THREAD:
            thread.join(max(0.0, until - time.monotonic()))
