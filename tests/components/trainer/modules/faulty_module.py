"""columns_module whose training writes down its steps and comes to the harm it is told."""

import os
import pathlib
import signal
import time

import columns_module
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator

feature_columns = columns_module.feature_columns


class Fault(tf.compat.v1.train.SessionRunHook):
    """FAULT is e.g. "SIGKILL 25": what happens once step 25 has been trained.

    "SIGINT+SIGINT 25" is two signals, one after the other. HELD is e.g. "5 FILE": after step 5
    it goes on once there is the file.
    """

    def __init__(self):
        self._what, _, step = os.environ.get("FAULT", "").partition(" ")
        self._at = int(step or -1)
        step, _, file = os.environ.get("HELD", "").partition(" ")
        self._held_at, self._until = int(step or -1), pathlib.Path(file)
        self._log = pathlib.Path(os.environ["STEPS_LOG"])

    def after_create_session(self, session, coord):
        self._step = int(session.run(tf.compat.v1.train.get_global_step()))

    def after_run(self, run_context, run_values):
        self._step += 1
        with self._log.open("a") as file:
            file.write(f"{self._step}\n")
        time.sleep(float(os.environ.get("SECONDS_A_STEP", "0")))
        while self._step == self._held_at and not self._until.exists():
            time.sleep(0.05)
        if self._step == self._at:
            if self._what == "raise":
                raise ValueError("as told")
            for name in self._what.split("+"):
                os.kill(os.getpid(), getattr(signal, name))


def estimator_fn(columns, config, params):
    made = columns_module.estimator_fn(columns, config, params)

    def model_fn(features, labels, mode, config):
        spec = made.model_fn(features, labels, mode, config)
        if mode != tf_estimator.ModeKeys.TRAIN:
            return spec
        return spec._replace(training_hooks=[*spec.training_hooks, Fault()])

    return tf_estimator.Estimator(model_fn, config=config)
