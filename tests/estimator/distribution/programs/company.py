"""A chief that takes no step before its workers can."""

import time

import tensorflow as tf

MOST_SECONDS = 600


class Company(tf.compat.v1.train.SessionRunHook):
    """Without it a few steps may be over before a slow worker has its session."""

    def __init__(self, folder, task, workers):
        self._own = folder / f"{task}.joined"
        self._awaited = [folder / f"{worker}.joined" for worker in workers]
        self._waits = task.startswith("chief")

    def after_create_session(self, session, coord):
        self._own.touch()

    def before_run(self, run_context):
        end = time.monotonic() + MOST_SECONDS
        while self._waits and time.monotonic() < end:
            if all(path.exists() for path in self._awaited):
                self._waits = False
            time.sleep(0.05)
