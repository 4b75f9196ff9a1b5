"""Beam's worker process, of which one is killed in the middle: `dying_worker.py FILE -c CODE`.

The worker pool starts `python -c CODE`; a test puts this in the place of that Python. The
first process that has done some bundles kills itself before it says that it has done the last
of them. FILE is made by it, so that no second one does the same.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import sys
from typing import Any

from apache_beam.runners.worker.bundle_processor import BundleProcessor

BUNDLES = 3

marker, code = pathlib.Path(sys.argv[1]), sys.argv[3]
process_bundle = BundleProcessor.process_bundle
done = 0


def process_and_die(self: BundleProcessor, instruction: str) -> Any:
    """Processes a bundle and may not come back."""
    global done
    answer = process_bundle(self, instruction)
    done += 1
    if done == BUNDLES:
        with contextlib.suppress(FileExistsError):
            marker.touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
    return answer


BundleProcessor.process_bundle = process_and_die
exec(code)
