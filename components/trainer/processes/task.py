"""One process of a distributed training: `python -m ...task FOLDER NAME PART`.

Reads what `distributed` wrote into FOLDER. What it fails with is left there too, for the
step to raise again.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys
import time

from tfx_estimators.collector import collect_seldom
from tfx_estimators.estimator.distribution.processes import Task, end_with_parent

__all__ = ["main"]

_SECONDS_TO_WAIT = 30.0


def main(folder: pathlib.Path, name: str, part: str) -> None:
    """Does a task's part.

    Args:
        folder: where the step was written down.
        name: the task's name, e.g. "worker-1".
        part: value of a `Part`.
    """
    end_with_parent()
    collect_seldom()
    import json
    import logging
    import os

    from tfx_estimators.components.lean_imports import import_less
    from tfx_estimators.estimator.activation import activate_with_tensorflow

    # Before TFX, which imports TensorFlow.
    activate_with_tensorflow()
    import_less()
    from tfx.utils import json_utils

    from tfx_estimators.components.trainer.checkpoints.training import Training
    from tfx_estimators.components.trainer.contracts.dispatch import train
    from tfx_estimators.components.trainer.processes.done_marks import mark_done
    from tfx_estimators.components.trainer.processes.member_errors import write_error
    from tfx_estimators.components.trainer.processes.member_files import give_start
    from tfx_estimators.components.trainer.request import TrainingRequest
    from tfx_estimators.components.trainer.session.role import Part, Role
    from tfx_estimators.components.user_module import no_exit

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    step = json_utils.loads((folder / "step.json").read_text(encoding="utf-8"))
    training = Training.from_json(step["training"])
    request = TrainingRequest.from_step(
        step["inputs"], step["outputs"], step["properties"], training
    )
    request = dataclasses.replace(
        request, hyperparameters=step["hyperparameters"], train_steps=step["train_steps"]
    )
    kind, _, index = name.rpartition("-")
    task = Task(kind, int(index), json.loads(os.environ.get("TF_CONFIG", "null")))
    evaluates = kind == "evaluator"
    if not task.leads and not evaluates:
        # What it saves is not wanted, but with some strategies it has to save.
        request = dataclasses.replace(request, model_run_dir=str(folder / name))
        give_start(training, folder / name)
    role = Role(Part(part), evaluates, leads=task.leads, status=folder / f"{name}.status")
    cluster = (task.tf_config or {}).get("cluster")
    if kind == "worker" and isinstance(cluster, dict) and "chief" in cluster:
        _wait_for_chief(folder)
    try:
        with no_exit():
            train(request, role)
        mark_done(training.folder, step["attempt"], name)
    except Exception as error:
        write_error(folder / f"{name}.error", error)
        raise


def _wait_for_chief(folder: pathlib.Path) -> None:
    """Waits until the chief of these processes trains, for at most half a minute.

    That long a worker of an Estimator sleeps once it has found no session of its
    chief's; it is there in seconds.
    """
    deadline = time.monotonic() + _SECONDS_TO_WAIT
    chief = folder / "chief-0"
    while chief.exists() and time.monotonic() < deadline:
        if chief.with_suffix(".status").exists():
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3])
