"""One process of a training while it runs.

* `loop`: the Estimator's own `train_and_evaluate`, under our hooks.
* `role`: which part of a training a process does.
* `hooks`: the hooks of each part: alone, member, finish.
* `progress_hook`: shows steps, loss and speed.
* `interruption`: SIGTERM, SIGHUP and Ctrl-C end a training with a checkpoint.
* `one_session_hook`: ends workers that have lost each other.
* `resumption`: input that goes on where an interrupted training stopped.
* `following`: the evaluator of a cluster.
* `export`: exports the SavedModel.
* `random_state`: what Python and NumPy draw under a seed.
* `data_errors`: what TensorFlow says about bad records, as errors of ours.
"""

__all__ = [
    "data_errors",
    "export",
    "following",
    "hooks",
    "interruption",
    "loop",
    "one_session_hook",
    "progress_hook",
    "random_state",
    "resumption",
    "role",
]
