"""columns_module, trained by processes of which one may come to harm: see HARM."""

import json
import os
import pathlib
import signal
import subprocess

import columns_module
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator

feature_columns = columns_module.feature_columns


class Harm(tf.compat.v1.train.SessionRunHook):
    """HARM is e.g. "worker-1 SIGKILL 5 FILE": what that task gets at that step, once.

    One that gets SIGSTOP goes on by itself. A parent's task is the step itself:
    "worker-1's-parent SIGTERM 5 FILE".
    """

    def __init__(self):
        victim, self._signal, self._at, file = os.environ.get("HARM", "- - 0 -").split()
        task, self._of_parent, _ = victim.partition("'s-parent")
        here = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {})
        self._file = pathlib.Path(file)
        self._due = task == f"{here.get('type')}-{here.get('index')}" and not self._file.exists()
        self._step = 0

    def after_create_session(self, session, coord):
        self._step = int(session.run(tf.compat.v1.train.get_global_step()))

    def after_run(self, run_context, run_values):
        self._step += 1
        if self._due and self._step == int(self._at):
            self._file.touch()
            print("about to end", flush=True)
            process = os.getppid() if self._of_parent else os.getpid()
            if self._signal == "SIGSTOP":
                # For twice as long as TensorFlow waits for a sign of life.
                subprocess.Popen(["sh", "-c", f"sleep 20; kill -CONT {process}"])
            os.kill(process, getattr(signal, self._signal))


def estimator_fn(columns, config, params):
    made = columns_module.estimator_fn(columns, config, params)

    def model_fn(features, labels, mode, config):
        spec = made.model_fn(features, labels, mode, config)
        if mode != tf_estimator.ModeKeys.TRAIN:
            return spec
        return spec._replace(training_hooks=[*spec.training_hooks, Harm()])

    return tf_estimator.Estimator(model_fn, config=config)
